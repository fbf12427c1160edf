"""POOL and GAP: each window becomes its largest value or its mean, channel by channel.

In the shape comments: N samples, C channels; *in, *out are the spatial sizes of the padded input and of the output.
"""

from __future__ import annotations

import math

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.engines.cpu.plain.windows import crop, pad, shifted_views, zeros_padded
from tatami.network.layers import GlobalAveragePool, Pool, product
from tatami.network.layers.windows import Window
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Pool, op: Forward, desk: Desk, n: int) -> Array:
    X = desk.input(op, n)
    window = layer.window(X.shape[1:])
    if layer.kind == "avg":
        return _sum(pad(X, window), window) / _count(window, layer.count_pad, X.dtype)
    return _max(X, window, _places(op, desk, n))


@backward.register
def _(layer: Pool, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    window = layer.window(op.inputs[0].shape)
    dX = zeros_padded(n, d.shape[-1], window, d.dtype)  # (N, *in, C)
    if layer.kind == "avg":
        share = d / _count(window, layer.count_pad, d.dtype)
        for view in shifted_views(dX, window):
            view += share
        return (crop(dX, window),)
    winner = _places(op, desk, n)
    assert winner is not None
    for place, view in enumerate(shifted_views(dX, window)):
        view += d * (winner == place)
    return (crop(dX, window),)


def _max(X: Array, window: Window, winner: Array | None) -> Array:
    """The largest value of each window, NaN if there is one; ``winner`` gets its place, of equal ones the first."""
    views = shifted_views(pad(X, window, -np.inf), window)  # padding never wins
    Y = next(views).copy()  # (N, *out, C)
    if winner is not None:
        winner[...] = 0
    for place, view in enumerate(views, start=1):
        if winner is not None:
            winner[view > Y] = place
        np.maximum(Y, view, out=Y)
    return Y


def _places(op: Forward | Backward, desk: Desk, n: int) -> Array | None:
    """The places of the maxima within their windows, (n, *out, C); None where the plan keeps none."""
    if "places" not in op.own:
        return None
    program, shape = desk.room.program, op.output.shape
    width = program.buffers[op.own["places"]].bytes // (program.settings.batch * product(shape))
    return desk.own(op, "places", (n, *shape), np.dtype(f"u{width}"))


def _count(window: Window, count_pad: bool, dtype: np.dtype) -> Array:
    """How many values each window's mean is of: (1, *out, 1)."""
    real = np.ones((1, *(axis.length for axis in window.axes), 1), dtype)  # 1 for each pixel
    return _sum(pad(real, window, 1.0 if count_pad else 0.0), window)


def _sum(X: Array, window: Window) -> Array:
    first, *others = shifted_views(X, window)
    total = first.copy()  # (N, *out, C)
    for view in others:
        total += view
    return total


@forward.register
def _(layer: GlobalAveragePool, op: Forward, desk: Desk, n: int) -> Array:
    X = desk.input(op, n)  # (N, *in, C)
    mean: Array = X.mean(axis=tuple(range(1, X.ndim - 1)))
    return mean  # (N, C)


@backward.register
def _(layer: GlobalAveragePool, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    # Every position has an equal share in the mean.
    shape = op.inputs[0].shape  # (*in, C)
    share = np.expand_dims(d, tuple(range(1, len(shape)))) / math.prod(shape[:-1])  # (N, 1, 1, C)
    return (np.broadcast_to(share, (n, *shape)),)
