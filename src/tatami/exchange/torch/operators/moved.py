"""Values moved: reshapes and permutations, which are views, and channels taken out, joined or dealt out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead
from tatami.exchange.torch.operators.rules import Call, rule
from tatami.network.layers import Concat, Shuffle, Slice


@rule("view", "reshape", "_unsafe_view", "unflatten", "flatten", "squeeze", "unsqueeze")
def _reshape(call: Call) -> View:
    view = call.view()
    found = view.reshaped(call.sizes[1:])
    if found is None:
        raise CannotRead(f"a reshape to {call.sizes}")
    return found


@rule("permute")
def _permute(call: Call) -> View:
    view = call.view()
    order = [dim % (len(view.dims) + 1) for dim in call.args[1]]
    if order[0] != 0:
        raise CannotRead("a permutation of the batch")
    return view.transposed([dim - 1 for dim in order[1:]])


@rule("transpose")
def _transpose(call: Call) -> View:
    view = call.view()
    order = list(range(len(view.dims) + 1))
    a, b = call.args[1], call.args[2]
    order[a], order[b] = order[b], order[a]
    if order[0] != 0:
        raise CannotRead("a permutation of the batch")
    return view.transposed([dim - 1 for dim in order[1:]])


@rule("cat", "concat")
def _cat(call: Call) -> View:
    views: list[View] = call.args[0]
    if not all(isinstance(view, View) for view in views):
        raise CannotRead("weights joined to a map")
    if len(views) == 1:
        return views[0]
    at = call.get(1, "dim", 0) % (len(views[0].dims) + 1) - 1
    views = [call.draft.as_vector(v, call.path) if len(v.dims) == 1 else v for v in views]
    views = [call.draft.as_map(v, call.path) if at == 0 and len(v.shape) > 1 else v for v in views]
    if any(view.channel_dim() != at or len(view.dims) != len(views[0].dims) for view in views):
        raise CannotRead("maps joined along positions")
    name = call.draft.add(Concat(), tuple(views), call.path)
    return views[0].with_depth(name, call.draft.shape(name)[-1])


@rule("slice")
def _slice(call: Call) -> View:
    view, at = call.view(), call.get(1, "dim", 0) % (len(call.view().dims) + 1) - 1
    size = view.sizes[at] if at >= 0 else math.inf
    start, stop, step = call.get(2, "start") or 0, call.get(3, "end"), call.get(4, "step", 1)
    stop = size if stop is None else min(stop if stop >= 0 else stop + size, size)
    start = start if start >= 0 else start + size
    if (start, stop, step) == (0, size, 1):
        return view
    if at < 0 or step != 1:
        raise CannotRead("samples, or every other value, taken out")
    return _channels(call, view, at, int(start), int(stop))


def _channels(call: Call, view: View, at: int, start: int, stop: int) -> View:
    view = call.draft.as_vector(view, call.path) if len(view.dims) == 1 else view
    if at == 0 and len(view.shape) > 1:
        view = call.draft.as_map(view, call.path)
    if view.channel_dim() != at:
        raise CannotRead("positions taken out of a map")
    return view.with_depth(call.draft.add(Slice(start, stop), (view,), call.path), stop - start)


@rule("split", "split_with_sizes", "chunk")
def _split(call: Call) -> list[View]:
    view, parts = call.view(), call.args[1]
    at = call.get(2, "dim", 0) % (len(view.dims) + 1) - 1
    if at < 0:
        raise CannotRead("samples taken apart")
    whole = view.sizes[at]
    if isinstance(parts, int):
        parts = [min(parts, whole - start) for start in range(0, whole, parts)]
    ends = np.cumsum(parts).tolist()
    return [_channels(call, view, at, end - part, end) for part, end in zip(parts, ends, strict=True)]


@rule("getitem")
def _getitem(call: Call) -> Any:
    source, index = call.args
    return source[index] if isinstance(source, list) else source  # a norm's statistics are nobody's


@rule("channel_shuffle")
def _shuffle(call: Call) -> View:
    return call.map(Shuffle(call.args[1]), call.view())
