"""Norms: a number for each channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead, Weight
from tatami.exchange.torch.operators.rules import Call, rule, weight_of
from tatami.network.layers import BatchNorm, Layer, LayerNorm, LocalResponseNorm


def _of_channels(call: Call, view: View, layer: Layer, at: int, **sources: Any) -> View:
    """A layer that has a number for each channel, which lie along the size ``at``."""
    weights = {name: weight_of(source) for name, source in sources.items()}
    if at == 0 and len(view.dims) > 1:
        view = call.draft.as_map(view, call.path)
    if len(view.dims) == 1:
        view = call.draft.as_vector(view, call.path)
        rows = view.rows()
        if not view.in_order:
            weights = {name: Weight(_placed(one.array, rows), one.source) for name, one in weights.items()}
    elif view.channel_dim() != at:
        raise CannotRead(f"a norm over an axis of {view.sizes} that is not the channels")
    return call.over(layer, view, **weights)


def _placed(array: Any, rows: Any) -> Any:
    found = np.empty_like(array)
    found[rows] = array
    return found


@rule("_native_batch_norm_legit")
def _batch_norm_of_the_batch(call: Call) -> View:
    raise CannotRead("a batch norm without running statistics")


@rule("_native_batch_norm_legit_no_training")
def _batch_norm(call: Call) -> View:
    view = call.view()
    weight, bias, mean, var, momentum, eps = call.args[1:]
    channels = mean.tensor.shape[0]
    made = {"weight": np.ones(channels, np.float32), "bias": np.zeros(channels, np.float32)}
    sources = {"running_mean": mean, "running_var": var}
    sources |= {name: one for name, one in (("weight", weight), ("bias", bias)) if one is not None}
    lacking = {name: Weight(made[name]) for name in made if name not in sources}
    found = _of_channels(call, view, BatchNorm(float(eps), float(momentum)), 0, **sources)
    order = ("weight", "bias", "running_mean", "running_var")
    weights = {**lacking, **call.draft.weights[found.node]}
    call.draft.weights[found.node] = {name: weights[name] for name in order}
    return found


@rule("layer_norm", "native_layer_norm")
def _layer_norm(call: Call) -> View:
    view, shape = call.view(), call.args[1]
    weight, bias, eps = call.get(2, "weight"), call.get(3, "bias"), call.get(4, "eps", 1e-5)
    if len(shape) != 1 or weight is None or bias is None:
        raise CannotRead("a layer norm over more than the channels, or without weights")
    return _of_channels(call, view, LayerNorm(float(eps)), len(view.dims) - 1, weight=weight, bias=bias)


WITHIN = object()
"""The value of operators within a module that is read as a whole, by its last one."""


def is_within_whole(owner: Any, operator: str) -> bool:
    """Whether an operator is one of the first in a module that is read as a whole."""
    return type(owner).__name__ == "LocalResponseNorm" and operator != "div"


@rule("div")
def _local_response_norm(call: Call) -> View:
    """PyTorch writes the module out; it divides alpha by the size."""
    owner = call.owner
    if type(owner).__name__ != "LocalResponseNorm":
        raise CannotRead("div")
    layer = LocalResponseNorm(int(owner.size), float(owner.alpha) / owner.size, float(owner.beta), float(owner.k))
    return call.map(layer, call.view())
