"""Conv, and a Pad before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tatami.exchange.onnx.operators.dense import dense
from tatami.exchange.onnx.operators.site import Site, constant, reads
from tatami.exchange.onnx.values import UnreadableError, Value
from tatami.exchange.onnx.views import View
from tatami.network.layers import Conv, DepthwiseConv
from tatami.network.layers.windows import same_padding

Pads = tuple[tuple[int, int], ...]


@reads("Conv")
def conv(site: Site) -> View:
    """W (K, C/groups, *F). On the single position that global pooling leaves, a 1x1 convolution is FC."""
    W, bias = site.need_array(1), site.array(2)
    groups = int(site.get("group", 1))
    spatial = W.ndim - 2
    if (view := single_position(site)) is not None:
        if groups > 1 or any(size > 1 for size in W.shape[2:]):
            raise UnreadableError("a convolution of a single position in groups, or larger than 1")
        found = dense(site, view, W.reshape(W.shape[:2]).T, bias)
        return View(found.node, found.shape, found.parts, (found.dims[0], *((),) * spatial))
    under = padded(site)
    view = under.view
    if under.value:
        raise UnreadableError("padding with other than zeros")
    if W.ndim != len(view.shape) + 1 or W.shape[1] * groups != view.shape[-1]:
        raise UnreadableError(f"weights of shape {W.shape} on {view.shape[-1]} channels in {groups} groups")
    kernel = W.shape[2:]
    stride, dilation = sizes(site, "strides", spatial), sizes(site, "dilations", spatial)
    pads = joined(pads_of(site, under.lengths, kernel, stride, dilation), under.pads)
    kind = DepthwiseConv if groups == view.shape[-1] > 1 else Conv
    layer = kind(W.shape[0], kernel, stride, pads, dilation, groups, bias is not None)
    tensors = {"weight": lambda: np.moveaxis(W, (0, 1), (-1, -2))}
    if bias is not None:
        tensors["bias"] = constant(bias.ravel())
    return site.add(layer, view, **tensors)


def single_position(site: Site) -> View | None:
    """The input, where it is a vector with sizes of 1 behind its channels."""
    given = site.inputs[0]
    view = given.view if isinstance(given, Value) else None
    is_one = view is not None and len(view.shape) == 1 and len(view.dims) > 1 and view.channel_dim() == 0
    return site.settled(view) if view is not None and is_one else None


def sizes(site: Site, name: str, axes: int) -> tuple[int, ...]:
    """An attribute with one number for each spatial axis, 1 unless given."""
    return tuple(int(size) for size in site.get(name) or (1,) * axes)


def pads_of(
    site: Site, lengths: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> Pads:
    """Padding before and after along each axis of these ``lengths``, ``auto_pad`` resolved."""
    axes = len(kernel)
    match site.get("auto_pad", "NOTSET"):
        case "NOTSET":
            given = [int(size) for size in site.get("pads") or (0,) * 2 * axes]
            if min(given) < 0:
                raise UnreadableError("negative padding")
            return tuple(zip(given[:axes], given[axes:], strict=True))
        case "VALID":
            return ((0, 0),) * axes
        case word:
            pairs = [same_padding(*each) for each in zip(lengths, kernel, stride, dilation, strict=True)]
            return tuple(pair if word == "SAME_UPPER" else pair[::-1] for pair in pairs)


def joined(pads: Pads, before: Pads) -> Pads:
    """The padding of both."""
    return tuple((a + c, b + d) for (a, b), (c, d) in zip(pads, before, strict=True)) if before else pads


@dataclass(frozen=True)
class Padded:
    """A map under a Pad.

    Attributes:
        view: the map without its padding.
        pads: the padding; none where there is no Pad.
        value: what it is filled with.
    """

    view: View
    pads: Pads = ()
    value: float = 0.0

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of its spatial axes, padding included."""
        lengths = self.view.shape[:-1]
        pads = self.pads or ((0, 0),) * len(lengths)
        return tuple(length + a + b for length, (a, b) in zip(lengths, pads, strict=True))


@reads("Pad")
def pad(site: Site) -> View:
    """A Pad of nothing is left out. Of others, :func:`padded` tells the layer behind."""
    if not any(any(pair) for pair in _padding(site).pads):
        return site.view()
    raise UnreadableError("padding before an operator that takes none")


def padded(site: Site) -> Padded:
    """The map that the operator reads, and a Pad before it.

    Raises:
        UnreadableError: no map, or no padding by a constant along the spatial axes.
    """
    given = site.inputs[0]
    if not isinstance(given, Value) or given.view is not None or given.made.operator != "Pad":
        return Padded(site.map())
    return _padding(replace(site, operation=given.made, inputs=given.inputs))


def _padding(site: Site) -> Padded:
    view = site.map()
    if site.get("mode", "constant") != "constant" or (len(site.inputs) > 3 and site.inputs[3] is not None):
        raise UnreadableError("padding by other than a constant")
    given = site.get("pads")
    amounts = [int(size) for size in (site.need_array(1).ravel() if given is None else given)]
    axes = len(view.shape) + 1
    value = site.array(2)
    if len(amounts) != 2 * axes or min(amounts) < 0 or any(amounts[i] for i in (0, 1, axes, axes + 1)):
        raise UnreadableError("padding of channels, or less than none")
    number = float(site.get("value", 0.0)) if value is None else float(value.ravel()[0])
    return Padded(view, tuple(zip(amounts[2:axes], amounts[axes + 2 :], strict=True)), number)
