"""Activations and SOFTMAX."""

from __future__ import annotations

import math

from tatami.exchange.onnx.layers.rules import Place, write
from tatami.network.layers import (
    GELU,
    Activation,
    HardSigmoid,
    HardSwish,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softmax,
    Tanh,
)

GELU_SINCE = 20
_PLAIN: dict[type[Activation], str] = {ReLU: "Relu", Sigmoid: "Sigmoid", Tanh: "Tanh", HardSwish: "HardSwish"}


@write.register
def activation(layer: Activation, place: Place) -> None:
    """The operator of that name."""
    place.last(_PLAIN[type(layer)], place.inputs[0])


@write.register
def relu6(layer: ReLU6, place: Place) -> None:
    """Between 0 and 6."""
    place.last("Clip", place.inputs[0], place.number("low", 0), place.number("high", 6))


@write.register
def leaky_relu(layer: LeakyReLU, place: Place) -> None:
    """With its slope."""
    place.last("LeakyRelu", place.inputs[0], alpha=layer.slope)


@write.register
def gelu(layer: GELU, place: Place) -> None:
    """Gelu is an operator since opset 20; before, x/2 * (1 + erf(x / sqrt 2))."""
    (x,) = place.inputs
    if place.sheet.opset >= GELU_SINCE:
        place.last("Gelu", x)
        return
    erf = place.step("Erf", "erf", place.step("Div", "scaled", x, place.number("root", math.sqrt(2))))
    twice = place.step("Mul", "twice", x, place.step("Add", "shifted", erf, place.number("one", 1)))
    place.last("Mul", twice, place.number("half", 0.5))


@write.register
def silu(layer: SiLU, place: Place) -> None:
    """Swish: x * sigmoid(x)."""
    place.last("Mul", place.inputs[0], place.step("Sigmoid", "sigmoid", place.inputs[0]))


@write.register
def hard_sigmoid(layer: HardSigmoid, place: Place) -> None:
    """min(max(x/6 + 1/2, 0), 1)."""
    place.last("HardSigmoid", place.inputs[0], alpha=1 / 6, beta=0.5)


@write.register
def softmax(layer: Softmax, place: Place) -> None:
    """Over the channels."""
    place.last("Softmax", place.inputs[0], axis=1)
