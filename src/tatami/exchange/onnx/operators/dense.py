"""Gemm and MatMul: FC; or, where they stand behind the channels of a map, a 1x1 convolution."""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.exchange.onnx.operators.site import Site, constant, reads
from tatami.exchange.onnx.values import UnreadableError
from tatami.exchange.onnx.views import View
from tatami.network.layers import Conv, Dense, product


@reads("Gemm")
def gemm(site: Site) -> View:
    """FC: alpha * X W + beta * b, W (inputs, units) or turned."""
    view, W, bias = site.view(), site.need_array(1), site.array(2)
    alpha, beta = float(site.get("alpha", 1.0)), float(site.get("beta", 1.0))
    if site.get("transA", 0) or W.ndim != 2:
        raise UnreadableError("no matrix of weights behind its input")
    W = W.T if site.get("transB", 0) else W
    return dense(site, view, W, bias, alpha, beta)


@reads("MatMul")
def matmul(site: Site) -> View:
    """X W; over the channels of a map, that of every position."""
    view, W = site.view(), site.need_array(1)
    if W.ndim != 2:
        raise UnreadableError("no matrix of weights behind its input")
    axes = len(view.shape) - 1
    if not axes or len(view.dims) == 1:
        return dense(site, view, W, None)
    if view.channel_dim() != len(view.dims) - 1 or len(view.dims) != axes + 1:
        raise UnreadableError("a product of a map's positions")
    layer = Conv(W.shape[1], (1,) * axes, (1,) * axes, ((0, 0),) * axes, bias=False)
    found = site.add(layer, view, weight=lambda: W.reshape((1,) * axes + W.shape))
    return view.with_depth(found.node, W.shape[1])


def dense(site: Site, view: View, W: Array, bias: Array | None, alpha: float = 1.0, beta: float = 1.0) -> View:
    """FC of a vector, or of a map that was flattened: the rows of W (inputs, units) go to tatami's places."""
    inputs, units = W.shape
    if product(view.sizes) != inputs or sum(bool(dim) for dim in view.dims) > 1:
        raise UnreadableError(f"weights for {inputs} values on {'x'.join(map(str, view.sizes))}")
    if bias is not None and bias.size not in (1, units):
        raise UnreadableError(f"a bias of {bias.size} values for {units} units")

    def weight() -> Array:
        ordered = W
        if not view.in_order:
            ordered = np.empty_like(W)
            ordered[view.rows()] = W
        return ordered if alpha == 1 else alpha * ordered

    tensors = {"weight": weight}
    if bias is not None:
        b = bias.ravel()
        tensors["bias"] = constant(b) if beta == 1 else lambda: beta * b
    return site.add(Dense(units, bias is not None), view, **tensors)
