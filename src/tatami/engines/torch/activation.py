"""Activations and SOFTMAX."""

from __future__ import annotations

from torch import nn

from tatami.engines.torch.rules import Place, lower
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

_PLAIN: dict[type[Activation], type[nn.Module]] = {
    ReLU6: nn.ReLU6,  # in place it would keep a copy of its input
    Sigmoid: nn.Sigmoid,
    Tanh: nn.Tanh,
    GELU: nn.GELU,
    SiLU: nn.SiLU,
    HardSigmoid: nn.Hardsigmoid,
    HardSwish: nn.Hardswish,
}


@lower.register
def activation(layer: Activation, place: Place) -> nn.Module:
    """The function of that name."""
    return _PLAIN[type(layer)]()


@lower.register
def relu(layer: ReLU, place: Place) -> nn.Module:
    """Over its input where nobody else needs it: the gradient follows from the output."""
    return nn.ReLU(place.in_place)


@lower.register
def leaky_relu(layer: LeakyReLU, place: Place) -> nn.Module:
    """As :func:`relu`; the sign of the output is that of the input."""
    return nn.LeakyReLU(layer.slope, place.in_place)


@lower.register
def softmax(layer: Softmax, place: Place) -> nn.Module:
    """Over the channels."""
    return nn.Softmax(1)
