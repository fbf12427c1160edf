"""CONV: what the window sees becomes a row of a matrix, the filters its columns (Chellapilla et al. 2006, section 2).

In the shape comments: N samples, C input channels, K filters, G groups; P = N * *out positions, F values of a filter
that lie in one channel. A depthwise convolution is one of as many groups as channels.
"""

from __future__ import annotations

import math

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.engines.cpu.plain.windows import crop, pad, patches, shifted_views, zeros_padded
from tatami.network.layers import Conv
from tatami.network.layers.windows import Window
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Conv, op: Forward, desk: Desk, n: int) -> Array:
    X, W = desk.input(op, n), desk.parameter(op.node, "weight")
    return convolve(layer, X, W, desk.parameter(op.node, "bias") if layer.bias else None)


def convolve(layer: Conv, X: Array, W: Array, b: Array | None) -> Array:
    """The layer's output (N, *out, K) for an input X (N, *, C), filters W (*F, C/G, K), and biases b (K,) or none."""
    window = layer.window(X.shape[1:])
    product = _rows(X, window, layer.groups) @ _columns(W, layer.groups)  # (G, P, K/G)
    Y = product.transpose(1, 0, 2).reshape(len(X), *window.output, layer.filters)
    if b is not None:
        Y += b
    return Y


@backward.register
def _(layer: Conv, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    X, W, G = desk.input(op, n), desk.parameter(op.node, "weight"), layer.groups
    window = layer.window(X.shape[1:])
    flat = d.reshape(-1, layer.filters)  # (P, K)
    dY = flat.reshape(len(flat), G, -1).transpose(1, 0, 2)  # (G, P, K/G)
    dW = _rows(X, window, G).transpose(0, 2, 1) @ dY  # (G, F*C/G, K/G)
    dW = dW.reshape(G, -1, *W.shape[-2:-1], layer.filters // G)  # (G, F, C/G, K/G)
    desk.set_gradient(op.node, "weight", dW.transpose(1, 2, 0, 3).reshape(W.shape))
    if layer.bias:
        desk.set_gradient(op.node, "bias", flat.sum(axis=0))
    if op.targets[0] is None:
        return (None,)
    seen = dY @ _columns(W, G).transpose(0, 2, 1)  # (G, P, F*C/G): each position's share for what it saw
    seen = seen.reshape(G, n, *window.output, -1, X.shape[-1] // G)  # (G, N, *out, F, C/G)
    dX = zeros_padded(n, X.shape[-1], window, X.dtype)  # (N, *in, C)
    for place, view in enumerate(shifted_views(dX, window)):
        view += np.moveaxis(seen[..., place, :], 0, -2).reshape(view.shape)  # (N, *out, C)
    return (crop(dX, window),)


def _rows(X: Array, window: Window, groups: int) -> Array:
    """What each group sees at each position: (G, P, F*C/G)."""
    seen = patches(pad(X, window), window)  # (N, *out, *F, C)
    positions = len(X) * math.prod(window.output)
    rows = seen.reshape(positions, -1, groups, X.shape[-1] // groups)  # (P, F, G, C/G)
    return rows.transpose(2, 0, 1, 3).reshape(groups, positions, -1)


def _columns(W: Array, groups: int) -> Array:
    """The filters (*F, C/G, K), each a column in its group: (G, F*C/G, K/G)."""
    *_, depth, filters = W.shape
    columns = W.reshape(-1, depth, groups, filters // groups)  # (F, C/G, G, K/G)
    return columns.transpose(2, 0, 1, 3).reshape(groups, -1, filters // groups)
