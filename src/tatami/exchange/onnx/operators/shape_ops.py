"""Values moved, none changed: Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Slice, Split; ReduceMean, Dropout."""

from __future__ import annotations

import math

import numpy as np

from tatami.exchange.onnx.folding import BATCH, axes_of, slice_bounds
from tatami.exchange.onnx.operators.pool import gap
from tatami.exchange.onnx.operators.site import Site, reads, short
from tatami.exchange.onnx.values import UnreadableError, Value
from tatami.exchange.onnx.views import View
from tatami.network.layers import Dropout, Slice


@reads("Flatten")
def flatten(site: Site) -> View:
    """Everything behind the batch."""
    view = _as_it_lies(site)
    if int(site.get("axis", 1)) != 1:
        raise UnreadableError("other axes than all behind the batch")
    return _reshaped(site, view, (math.prod(view.sizes),))


@reads("Reshape")
def reshape(site: Site) -> View:
    """The batch stays as it is: 0, -1, or computed from the shape."""
    view, given = _as_it_lies(site), site.sizes(1)
    total = math.prod(view.sizes)
    sizes = [view.sizes[i - 1] if size == 0 and 0 < i <= len(view.dims) else size for i, size in enumerate(given)]
    batch, rest = sizes[0] if sizes else None, sizes[1:]
    if any(size is BATCH for size in rest) or batch is None:
        raise UnreadableError("the batch is moved")
    known = math.prod(int(size) for size in rest if size != -1)
    if -1 in rest and known:
        rest = [total // known if size == -1 else size for size in rest]
    if math.prod(int(size) for size in rest) != total:
        raise UnreadableError("the batch is changed")
    return _reshaped(site, view, tuple(int(size) for size in rest))


@reads("Squeeze")
def squeeze(site: Site) -> View:
    """Sizes of 1 taken away."""
    view = _as_it_lies(site)
    axes = axes_of(site.operation, [None, site.array(1)])
    gone = {axis % (len(view.dims) + 1) for axis in axes or ()}
    gone = gone if axes is not None else {i for i, size in enumerate(view.sizes, 1) if size == 1}
    if 0 in gone or any(view.sizes[axis - 1] != 1 for axis in gone):
        raise UnreadableError("a size that is not 1, or the batch")
    return _reshaped(site, view, tuple(size for i, size in enumerate(view.sizes, 1) if i not in gone))


@reads("Unsqueeze")
def unsqueeze(site: Site) -> View:
    """Sizes of 1 put in."""
    view = _as_it_lies(site)
    axes = axes_of(site.operation, [None, site.array(1)]) or ()
    rank = len(view.dims) + 1 + len(axes)
    new = {axis % rank for axis in axes}
    if 0 in new or len(new) < len(axes):
        raise UnreadableError("a size before the batch, or an axis twice")
    left = iter(view.sizes)
    return _reshaped(site, view, tuple(1 if i in new else next(left) for i in range(1, rank)))


@reads("Transpose")
def transpose(site: Site) -> View:
    """The batch stays where it is."""
    view = _as_it_lies(site)
    order = [int(axis) for axis in site.get("perm") or range(len(view.dims), -1, -1)]
    if order[0] != 0:
        raise UnreadableError("the batch is moved")
    return view.transposed([axis - 1 for axis in order[1:]])


def _as_it_lies(site: Site) -> View:
    """The input, its channels not dealt out anew yet: this operator may be a part of that."""
    given = site.inputs[0]
    if not isinstance(given, Value):
        raise UnreadableError("a constant")
    return site.forced(given)


def _reshaped(site: Site, view: View, sizes: tuple[int, ...]) -> View:
    found = view.reshaped(sizes)
    if found is None:
        raise UnreadableError(f"sizes {'x'.join(map(str, sizes))} that cut across axes")
    was_map = len(view.shape) > 1 and len(view.dims) > 1
    if was_map and len(sizes) == 1 and found.in_order and not site.reader.only_dense(site.operation.outputs[0]):
        return site.vector(site.settled(found))
    return site.settled(found)


@reads("Slice")
def channels(site: Site) -> View:
    """Some of the channels, one by one."""
    view = site.view()
    bounds = [site.array(i) for i in range(1, 5)]
    try:
        starts, stops, axes, steps = slice_bounds(site.operation.attributes, bounds, len(view.dims) + 1)
    except ValueError:
        raise UnreadableError("no bounds") from None
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        size = view.sizes[axis - 1] if axis else 0
        chosen = range(size)[slice(start, stop, step)]
        if axis and len(chosen) == size and step > 0:
            continue
        if step != 1 or not axis or not len(chosen) or view.channel_dim() != axis - 1:
            raise UnreadableError("positions are chosen, not channels")
        view = _sliced(site, view, chosen.start, chosen.stop)
    return view


@reads("Split")
def split(site: Site) -> list[View]:
    """The channels shared out."""
    view = site.view()
    axis = int(site.get("axis", 0)) % (len(view.dims) + 1) - 1
    if axis < 0 or axis != view.channel_dim():
        raise UnreadableError("along other than the channels")
    count, total = len(site.operation.outputs), view.shape[-1]
    given = site.array(1) if site.get("split") is None else np.asarray(site.get("split"))
    share = -(-total // count)
    shares = [share] * (count - 1) + [total - share * (count - 1)] if given is None else [int(n) for n in given]
    if len(shares) != count or sum(shares) != total or min(shares) < 1:
        raise UnreadableError("shares that are not those of the channels")
    ends = np.cumsum(shares)
    return [_sliced(site, view, int(end) - n, int(end)) for n, end in zip(shares, ends, strict=True)]


def _sliced(site: Site, view: View, start: int, stop: int) -> View:
    if len(view.shape) > 1 and len(view.dims) == 1:
        view = site.vector(view)
    found = site.add(Slice(start, stop), view)
    return view.with_depth(found.node, stop - start)


@reads("ReduceMean")
def reduce_mean(site: Site) -> View:
    """Over all positions: GAP."""
    view = site.view()
    axes = axes_of(site.operation, [None, site.array(1)])
    at = view.channel_dim()
    chosen = {axis % (len(view.dims) + 1) - 1 for axis in axes or ()}
    if len(view.shape) < 2 or at is None or chosen != set(range(len(view.dims))) - {at}:
        raise UnreadableError("a mean over other than all positions")
    return gap(site, view, keep=bool(site.get("keepdims", 1)))


@reads("Dropout")
def dropout(site: Site) -> View:
    """Nothing at inference; kept, for training goes on with it."""
    view, given = site.view(), site.array(1)
    rate = short(site.get("ratio", 0.5) if given is None else float(given.ravel()[0]))
    return view if rate == 0 else view.over(site.add(Dropout(rate), view).node)
