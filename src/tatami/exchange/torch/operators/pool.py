"""Pooling, and means of whole maps."""

from __future__ import annotations

import math
from typing import Any

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead
from tatami.exchange.torch.operators.conv import opened
from tatami.exchange.torch.operators.rules import Call, rule, sizes_of, wide
from tatami.network.layers import GlobalAveragePool, Pool


@rule("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(call: Call) -> View:
    if set(sizes_of(call.get(4, "dilation", 1), 1)) != {1}:
        raise CannotRead("a pooling with dilation")
    return _pool(call, "max", count_pad=False, ceil=bool(call.get(5, "ceil_mode", False)))


@rule("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _avg_pool(call: Call) -> View:
    if call.get(6, "divisor_override") is not None:
        raise CannotRead("a mean with another divisor")
    return _pool(
        call,
        "avg",
        count_pad=bool(call.get(5, "count_include_pad", True)),
        ceil=bool(call.get(4, "ceil_mode", False)),
    )


def _pool(call: Call, kind: Any, *, count_pad: bool, ceil: bool) -> View:
    view, around = opened(call, -math.inf if kind == "max" else 0.0)
    axes = len(view.dims) - 1
    F = sizes_of(call.args[1], axes)
    S = sizes_of(call.get(2, "stride") or F, axes)
    P = sizes_of(call.get(3, "padding", 0), axes)
    is_around = any(map(any, around))
    if is_around and (ceil or any(P)):
        raise CannotRead("a pooling with padding of its own around a padded map")
    pairs = (
        around
        if is_around
        else tuple((p, _behind(W, f, s, p) if ceil else p) for W, f, s, p in zip(view.sizes[1:], F, S, P, strict=True))
    )
    counts = is_around if kind == "avg" and is_around else count_pad and any(P)
    if counts and ceil and any(before != after for before, after in pairs):
        raise CannotRead("a mean that counts its padding, of a size that is rounded up")
    padding: Any = pairs if any(map(any, pairs)) else "valid"
    return call.map(Pool(F, S, padding, kind, kind == "avg" and counts), view)


def _behind(W: int, F: int, S: int, P: int) -> int:
    """The padding behind that rounds the size up; no window begins behind the input and its padding before."""
    output = -(-(W + 2 * P - F) // S) + 1
    output -= (output - 1) * S >= W + P
    return max((output - 1) * S + F - W - P, 0)


@rule("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive(call: Call) -> View:
    view = call.view()
    axes = len(view.dims) - 1
    sizes = view.sizes[1:]
    given: tuple[int | None, ...] = sizes_of(call.args[1], axes)
    wanted = tuple(size if one is None else one for one, size in zip(given, sizes, strict=True))
    if wanted == sizes:
        return view
    if set(wanted) == {1}:
        view = call.draft.as_map(view, call.path)
        name = call.draft.add(GlobalAveragePool(), (view,), call.path)
        return wide(View.of(name, call.draft.shape(name)), axes)
    if any(size % one for one, size in zip(wanted, sizes, strict=True)):
        raise CannotRead(f"adaptive pooling from {sizes} to {wanted}")
    F = tuple(size // one for one, size in zip(wanted, sizes, strict=True))
    return call.map(Pool(F, F, "valid", "avg"), view)


@rule("mean")
def _mean(call: Call) -> View:
    view, keep = call.view(), bool(call.get(2, "keepdim", False))
    view = view if view.channel_dim() is not None else call.draft.as_map(view, call.path)
    at = view.channel_dim()
    dims = sorted(dim % (len(view.dims) + 1) for dim in sizes_of(call.get(1, "dim", ()), 1))
    others = [i + 1 for i in range(len(view.dims)) if i != at]
    if dims != others or len(view.shape) != len(view.dims) or len(view.shape) < 2 or (keep and at):
        raise CannotRead(f"a mean over axes {dims}")
    name = call.draft.add(GlobalAveragePool(), (view,), call.path)
    found = View.of(name, call.draft.shape(name))
    return wide(found, len(others)) if keep else found
