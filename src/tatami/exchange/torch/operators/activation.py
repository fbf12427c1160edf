"""Functions of each value alone, softmax, and dropout."""

from __future__ import annotations

from typing import Any

from tatami.exchange.onnx.views import View
from tatami.exchange.torch.draft import CannotRead
from tatami.exchange.torch.operators.rules import RULES, Call, Rule, rule
from tatami.network.layers import (
    GELU,
    Dropout,
    HardSigmoid,
    HardSwish,
    Layer,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)


def _activation(layer: Layer) -> Rule:
    return lambda call: call.over(layer, call.view())


for _name, _layer in {
    "relu": ReLU(),
    "sigmoid": Sigmoid(),
    "tanh": Tanh(),
    "silu": SiLU(),
    "hardsigmoid": HardSigmoid(),
    "hardswish": HardSwish(),
    "relu6": ReLU6(),
}.items():
    RULES[_name] = _activation(_layer)


@rule("hardtanh", "clamp")
def _hardtanh(call: Call) -> View:
    if (call.get(1, "min_val", -1), call.get(2, "max_val", 1)) != (0, 6):
        raise CannotRead(f"hardtanh from {call.get(1, 'min_val', -1)} to {call.get(2, 'max_val', 1)}")
    return call.over(ReLU6(), call.view())


@rule("leaky_relu")
def _leaky_relu(call: Call) -> View:
    return call.over(LeakyReLU(float(call.get(1, "negative_slope", 0.01))), call.view())


@rule("gelu")
def _gelu(call: Call) -> View:
    if call.get(1, "approximate", "none") != "none":
        raise CannotRead("gelu by tanh")
    return call.over(GELU(), call.view())


@rule("softmax", "_softmax")
def _softmax(call: Call) -> View:
    view, at = call.view(), call.args[1]
    at = at % (len(view.dims) + 1) - 1
    if at == 0 and len(view.dims) > 1:
        view = call.draft.as_map(view, call.path)
    if len(view.dims) == 1:
        view = call.draft.as_vector(view, call.path)
    elif view.channel_dim() != at:
        raise CannotRead("a softmax over positions")
    return call.over(Softmax(), view)


@rule("dropout", "native_dropout", "feature_dropout", "alpha_dropout")
def _dropout(call: Call) -> View:
    return call.over(Dropout(float(call.args[1])), call.view())


@rule("clone", "contiguous", "detach", "alias", "lift_fresh_copy", "to", "_to_copy")
def _same(call: Call) -> Any:
    rate = getattr(call.owner, "p", None)
    if type(call.owner).__name__.startswith("Dropout") and isinstance(rate, float) and rate < 1:
        return call.over(Dropout(rate), call.view())  # at inference nothing is left of it but a copy
    return call.args[0]
