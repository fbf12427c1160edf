"""Fully connected layers: of vectors, and of every position of a map that lies channels last."""

from __future__ import annotations

from typing import Any

import numpy as np

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead, Constant, Weight
from tatami.exchange.torch.operators.rules import Call, biased, rule
from tatami.network.layers import Conv, Dense


def dense(call: Call, view: View, source: Constant, array: Any, bias: Any) -> View:
    """FC with PyTorch's weight (units, inputs), whose inputs lie as the view does."""
    placed = np.empty(array.shape[::-1], np.float32)
    placed[view.rows()] = array.T
    weights = biased(bias, weight=Weight(placed, source))
    name = call.draft.add(Dense(len(array), bias is not None), (view,), call.path, **weights)
    return View.of(name, (len(array),))


@rule("linear")
def _linear(call: Call) -> View:
    view, weight, bias = call.view(), call.args[1], call.get(2, "bias")
    if not isinstance(weight, Constant):
        raise CannotRead("weights that are computed")
    if len(view.dims) == 1:
        return dense(call, view, weight, weight.array, bias)
    if view.channel_dim() == len(view.dims) - 1 and len(view.dims) == len(view.shape) > 1:
        # At every position of a map that lies channels last, a 1x1 convolution.
        axes, K = len(view.shape) - 1, weight.tensor.shape[0]
        array = weight.array.T.reshape(*(1,) * axes, -1, K)
        layer = Conv(K, (1,) * axes, (1,) * axes, bias=bias is not None)
        name = call.draft.add(layer, (view,), call.path, **biased(bias, weight=Weight(array, weight)))
        return view.with_depth(name, K)
    raise CannotRead(f"a linear layer on an axis of {view.sizes}")
