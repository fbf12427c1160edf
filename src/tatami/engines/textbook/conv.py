"""CONV: filters slide over the input; each has the input's depth and gives one number at each position.

This is the convolution of one filter W of size F over an image X, at position (x, y), twice the same:

>>> rng = np.random.default_rng(0)
>>> X, W, b = rng.standard_normal((8, 8, 3)), rng.standard_normal((5, 5, 3)), 0.5
>>> F, x, y = 5, 2, 1
>>> one_number = np.sum(X[x : x + F, y : y + F, :] * W) + b
>>> bool(np.isclose(one_number, np.dot(X[x : x + F, y : y + F, :].flatten(), W.flatten()) + b))
True

Below, the dot product is taken for all filters and all samples at once, as a product of two matrices.

In the shape comments: N samples, C input channels, K filters, G groups; *in, *out, *F stand for the spatial sizes of
the padded input, the output and the filters: one number for a signal, two for an image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.engines.textbook.windows import crop, pad, window_at
from tatami.network.layers import Conv
from tatami.network.layers.windows import Window

# From dY to the gradients for the padded input, the filters and the biases.
_Backward: TypeAlias = Callable[[Array], tuple[Array, Array, Array]]


@run.register
def conv(layer: Conv, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Y[position] = patch . W + b, at every position of the window."""
    (X,) = inputs  # (N, H, W, C) for an image
    window = layer.window(X.shape[1:])
    X = pad(X, window)  # (N, *in, C)
    W = weights["weight"]  # (*F, C/G, K)
    b = weights["bias"] if layer.bias else np.zeros(layer.filters, W.dtype)  # (K,)
    if layer.groups == 1:
        Y, backward_padded = _convolve(X, W, b, window)
    elif layer.groups == X.shape[-1]:
        Y, backward_padded = _convolve_depthwise(X, W, b, window)
    else:
        Y, backward_padded = _convolve_groups(X, W, b, window, layer.groups)

    def backward(dY: Array) -> Gradients:
        dX, dW, db = backward_padded(dY)
        return (crop(dX, window),), {"weight": dW, "bias": db} if layer.bias else {"weight": dW}

    return Y, backward


def _convolve(X: Array, W: Array, b: Array, window: Window) -> tuple[Array, _Backward]:
    N, K = len(X), W.shape[-1]
    filters = W.reshape(-1, K)  # (F*F*C, K): each filter flattened into a column
    Y = np.empty((N, *window.output, K), X.dtype)  # (N, *out, K)
    for position in np.ndindex(*window.output):
        patch = X[window_at(position, window)]  # (N, *F, C): X[:, x:x+F, y:y+F, :]
        Y[:, *position] = patch.reshape(N, -1) @ filters + b  # (N, F*F*C) @ (F*F*C, K) is (N, K)

    def backward(dY: Array) -> tuple[Array, Array, Array]:
        # Each position gives its share to the window that it saw, to the filters and to the biases.
        dX, d_filters = np.zeros_like(X), np.zeros_like(filters)  # (N, *in, C), (F*F*C, K)
        for position in np.ndindex(*window.output):
            seen = window_at(position, window)
            patch, d = X[seen], dY[:, *position]  # (N, *F, C), (N, K)
            dX[seen] += (d @ filters.T).reshape(patch.shape)
            d_filters += patch.reshape(N, -1).T @ d
        return dX, d_filters.reshape(W.shape), _sum_to_channels(dY)

    return Y, backward


def _convolve_groups(X: Array, W: Array, b: Array, window: Window, groups: int) -> tuple[Array, _Backward]:
    """G convolutions side by side: each sees C/G channels and has K/G filters (Krizhevsky et al. 2012, figure 2)."""
    parts = zip(np.split(X, groups, -1), np.split(W, groups, -1), np.split(b, groups), strict=True)
    outputs, backwards = zip(*(_convolve(*part, window) for part in parts), strict=True)

    def backward(dY: Array) -> tuple[Array, Array, Array]:
        dXs, dWs, dbs = zip(
            *(back(d) for back, d in zip(backwards, np.split(dY, groups, -1), strict=True)), strict=True
        )
        return np.concatenate(dXs, -1), np.concatenate(dWs, -1), np.concatenate(dbs)

    return np.concatenate(outputs, -1), backward  # (N, *out, K)


def _convolve_depthwise(X: Array, W: Array, b: Array, window: Window) -> tuple[Array, _Backward]:
    """As many groups as channels: np.sum(X[x:x+F, y:y+F, c] * W) + b for each channel c alone."""
    multiplier = W.shape[-1] // X.shape[-1]
    X = X.repeat(multiplier, axis=-1)  # (N, *in, K): each channel once for each of its filters
    filters = W.squeeze(-2)  # (*F, K)
    axes = tuple(range(1, X.ndim - 1))  # those of *F in a patch
    Y = np.empty((len(X), *window.output, X.shape[-1]), X.dtype)  # (N, *out, K)
    for position in np.ndindex(*window.output):
        Y[:, *position] = np.sum(X[window_at(position, window)] * filters, axis=axes) + b  # (N, K)

    def backward(dY: Array) -> tuple[Array, Array, Array]:
        dX, d_filters = np.zeros_like(X), np.zeros_like(filters)  # (N, *in, K), (*F, K)
        for position in np.ndindex(*window.output):
            seen = window_at(position, window)
            d = np.expand_dims(dY[:, *position], axes)  # (N, 1, 1, K)
            dX[seen] += d * filters
            d_filters += np.sum(X[seen] * d, axis=0)
        dX = dX.reshape(*dX.shape[:-1], -1, multiplier).sum(axis=-1)  # (N, *in, C)
        return dX, d_filters.reshape(W.shape), _sum_to_channels(dY)

    return Y, backward


def _sum_to_channels(dY: Array) -> Array:
    """The gradient for the biases: each was added at every position of every sample. (N, *out, K) becomes (K,)."""
    db: Array = dY.sum(axis=tuple(range(dY.ndim - 1)))
    return db
