"""POOL and GAP: each window becomes its largest value or its mean, channel by channel.

In the shape comments: N samples, C channels; *in, *out are the spatial sizes of the padded input and of the output.
"""

from __future__ import annotations

import math

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.engines.textbook.windows import crop, pad, shifted_views
from tatami.network.layers import GlobalAveragePool, Pool
from tatami.network.layers.windows import Window


@run.register
def pool(layer: Pool, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """The maximum or the mean of each window."""
    (X,) = inputs
    window = layer.window(X.shape[1:])
    return _max(X, window) if layer.kind == "max" else _average(X, window, layer.count_pad)


def _max(X: Array, window: Window) -> tuple[Array, Backward]:
    """The largest value of each window. The gradient goes to it alone; of equal ones, to the first in row order."""
    views = shifted_views(pad(X, window, -np.inf), window)  # padding never wins
    Y = next(views).copy()  # (N, *out, C)
    winner = np.zeros(Y.shape, np.min_scalar_type(math.prod(axis.size for axis in window.axes)))
    for place, view in enumerate(views, start=1):
        np.putmask(winner, view > Y, place)
        np.maximum(Y, view, out=Y)

    def backward(dY: Array) -> Gradients:
        dX = _zeros_padded(dY, window)  # (N, *in, C)
        for place, view in enumerate(shifted_views(dX, window)):
            view += dY * (winner == place)
        return (crop(dX, window),), {}

    return Y, backward


def _average(X: Array, window: Window, count_pad: bool) -> tuple[Array, Backward]:
    """The mean of each window; padding counts as zeros with ``count_pad``, and not at all without."""
    real = np.ones((1, *X.shape[1:-1], 1), X.dtype)  # 1 for each pixel
    real = pad(real, window, 1.0 if count_pad else 0.0)  # (1, *in, 1)
    count = _sum(real, window)  # (1, *out, 1)

    def backward(dY: Array) -> Gradients:
        dX = _zeros_padded(dY, window)  # (N, *in, C)
        for view in shifted_views(dX, window):
            view += dY / count
        return (crop(dX, window),), {}

    return _sum(pad(X, window), window) / count, backward  # (N, *out, C)


def _sum(X: Array, window: Window) -> Array:
    first, *others = shifted_views(X, window)
    total = first.copy()  # (N, *out, C)
    for view in others:
        total += view
    return total


def _zeros_padded(dY: Array, window: Window) -> Array:
    sizes = (axis.before + axis.length + axis.after for axis in window.axes)
    return np.zeros((len(dY), *sizes, dY.shape[-1]), dY.dtype)


@run.register
def global_average_pool(
    layer: GlobalAveragePool, weights: Weights, mode: Mode, *inputs: Array
) -> tuple[Array, Backward]:
    """The mean of each map: (N, *in, C) becomes (N, C)."""
    (X,) = inputs
    shape, axes = X.shape, tuple(range(1, X.ndim - 1))

    def backward(dY: Array) -> Gradients:
        # Every position has an equal share in the mean.
        share = np.expand_dims(dY, axes) / math.prod(shape[1:-1])  # (N, 1, 1, C)
        return (np.broadcast_to(share, shape),), {}

    return X.mean(axis=axes), backward
