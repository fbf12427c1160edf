"""Where values meet: Add, Sum, Sub, Mul, Div, Concat; with constants, these are biases and factors of channels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tatami.engines.base import Array
from tatami.exchange.onnx.operators.norm import written_out
from tatami.exchange.onnx.operators.site import Site, constant, reads
from tatami.exchange.onnx.values import UnreadableError, Value
from tatami.exchange.onnx.views import View
from tatami.network.layers import Add, BatchNorm, Concat, Conv, Dense, Flatten, LayerNorm, Merge, Multiply, Scale


@reads("Add", "Sum")
def add(site: Site) -> View:
    """ADD, or a bias."""
    given = _constant_input(site)
    if given is None:
        return _joined(site, Add())
    return _shifted(site, 1 - given, site.need_array(given))


@reads("Sub")
def subtract(site: Site) -> View:
    """A bias, taken away."""
    if _constant_input(site) != 1:
        raise UnreadableError("a difference of values")
    return _shifted(site, 0, site.need_array(1), -1.0)


@reads("Mul")
def multiply(site: Site) -> View:
    """MUL, or a factor for each channel."""
    given = _constant_input(site)
    if given is None:
        return _joined(site, Multiply())
    return _scaled(site, 1 - given, site.need_array(given))


@reads("Div")
def divide(site: Site) -> View:
    """A factor for each channel, turned; or the end of a normalisation that is written out."""
    given = _constant_input(site)
    if given is None:
        return written_out(site)
    if given == 0:
        raise UnreadableError("a constant divided by values")
    return _scaled(site, 0, site.need_array(1), turned=True)


@reads("Concat")
def concat(site: Site) -> View:
    """Along the channels."""
    views = [site.view(i) for i in range(len(site.inputs))]
    if len(views) == 1:
        return views[0]
    axis = int(site.get("axis")) % (len(views[0].dims) + 1) - 1
    if all(sum(size > 1 for size in view.sizes) <= 1 for view in views):
        views = [site.vector(view) if len(view.shape) > 1 and not view.is_map else view for view in views]
    at = {view.channel_dim() for view in views}
    if at != {axis} or len({_layout(view) for view in views}) > 1:
        raise UnreadableError("along other than the channels")
    return _concatenated(site, views)


def _concatenated(site: Site, views: list[View]) -> View:
    """CONCAT; what is joined already is taken as it is: layers of DenseNet list all before them, again and again."""
    joined, nodes = site.reader.draft.joined, tuple(view.node for view in views)
    known = next((k for k in range(len(views) - 1, 1, -1) if nodes[:k] in joined), 0)
    parts = [joined[nodes[:known]], *views[known:]] if known else views
    found = site.add(Concat(), *parts)
    view = views[0].with_depth(found.node, found.shape[-1])
    joined.setdefault(nodes, view)
    return view


def _constant_input(site: Site) -> int | None:
    """Which of two inputs is a constant."""
    if site.get("axis") is not None and len(site.inputs) == 2:
        raise UnreadableError("laid along an axis, as before opset 7")
    constants = [i for i, given in enumerate(site.inputs) if not isinstance(given, Value)]
    if not constants:
        return None
    if len(site.inputs) != 2 or len(constants) != 1:
        raise UnreadableError("several constants")
    return constants[0]


def _joined(site: Site, layer: Merge) -> View:
    views = [site.view(i) for i in range(len(site.inputs))]
    if len(views) == 1:
        return views[0]
    if isinstance(layer, Multiply):
        views = _with_factors(site, views)
    largest = max(views, key=lambda view: (sum(size > 1 for size in view.sizes), len(view.shape)))
    if isinstance(layer, Multiply):
        views = [_as_gate(site, view, largest) for view in views]
    for view in views:
        is_gate = view.shape == largest.shape[-1:] and isinstance(layer, Multiply)
        if not is_gate and (_layout(view), view.shape) != (_layout(largest), largest.shape):
            raise UnreadableError("values of different shapes, or in different orders")
    return largest.over(site.add(layer, *views).node)


def _with_factors(site: Site, views: list[View]) -> list[View]:
    """The factors of a product of a product that nothing else reads: ONNX multiplies two at a time."""
    before, whole = site.sole(0), views[0]
    if before is None or not isinstance(before.layer, Multiply) or whole != View.of(whole.node, whole.shape):
        return views
    entries = site.reader.draft.entries
    factors = [View.of(key, entries[key].shape) for key in before.inputs]
    beside = ((),) * (len(whole.dims) - 1)
    return [
        *(factor if len(factor.shape) > 1 else replace(factor, dims=(factor.dims[0], *beside)) for factor in factors),
        *views[1:],
    ]


def _as_gate(site: Site, view: View, largest: View) -> View:
    """A map of a single position as the vector that multiplies every position of ``largest``.

    Raises:
        UnreadableError: a vector that would lie along other than the channels.
    """
    if view.shape == largest.shape or len(largest.shape) == 1:
        return view
    at, whole = view.channel_dim(), largest.channel_dim()
    behind = None if at is None else len(view.dims) - at
    if at is None or whole is None or behind != len(largest.dims) - whole:
        raise UnreadableError("a factor along other than the channels")
    if len(view.shape) > 1 and all(size == 1 for size in view.shape[:-1]):
        return site.add(Flatten(), view)
    return view


def _layout(view: View) -> object:
    """How it lies, whatever its depth: equal for values of one order."""
    at = view.channel_dim()
    return view.parts[:-1], at, tuple(dim for i, dim in enumerate(view.dims) if i != at)


def _scaled(site: Site, i: int, array: Array, turned: bool = False) -> View:
    """A factor for each channel, or 1 by it: SCALE; of a normalisation without factors of its own, its factors."""
    view = site.view(i)
    factors = site.channel_vector(array, view)
    if factors is None:
        raise UnreadableError("a factor that is no number a channel")
    if turned:
        factors = 1 / factors.astype(np.float64)
    entry = site.sole(i)
    if entry is not None and isinstance(entry.layer, LayerNorm) and _is_plain(site, i):
        return site.change(view, entry.layer, weight=constant(factors))
    found = site.add(Scale(), view, weight=constant(factors))
    return view.over(found.node)


def _is_plain(site: Site, i: int) -> bool:
    """Whether the input is a normalisation that was written out, up to here without factors."""
    given = site.inputs[i]
    return isinstance(given, Value) and given.made.operator == "Div"


def _shifted(site: Site, i: int, array: Array, sign: float = 1.0) -> View:
    """A number added to each channel: the bias of the layer before; else that of a BN that does nothing else."""
    view = site.view(i)
    shift = site.channel_vector(array, view)
    if shift is None:
        raise UnreadableError("a sum with a constant that is no number a channel")
    shift = sign * shift
    entry = site.sole(i)
    if entry is not None and isinstance(entry.layer, (Conv, Dense)) and not entry.layer.bias:
        return site.change(view, replace(entry.layer, bias=True), bias=constant(shift))
    if entry is not None and isinstance(entry.layer, LayerNorm):
        before = entry.tensors["bias"]
        return site.change(view, entry.layer, bias=lambda: before() + shift)
    site.reader.notes.append(f"{site.operation.name}: a constant added to each channel is BN with fixed statistics")
    return _fixed_norm(site, view, shift)


def _fixed_norm(site: Site, view: View, shift: Array) -> View:
    layer, C = BatchNorm(), view.shape[-1]
    ones = np.ones(C, np.float32)
    found = site.add(
        layer,
        view,
        weight=constant(ones),
        bias=constant(shift),
        running_mean=constant(np.zeros(C, np.float32)),
        running_var=constant(ones - np.float32(layer.eps)),
    )
    return view.over(found.node)
