"""Activations: one function applied to every value; and softmax, over the channels of each position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.network.layers.arguments import POSITIVE, Argument
from tatami.network.layers.base import Layer, layer


@dataclass(frozen=True)
class Activation(Layer):
    """Base of the element-wise functions; each may write over its input."""

    in_place: ClassVar[bool] = True


@layer("RELU")
@dataclass(frozen=True)
class ReLU(Activation):
    """max(x, 0)."""


@layer("RELU6")
@dataclass(frozen=True)
class ReLU6(Activation):
    """min(max(x, 0), 6)."""


@layer("LEAKY")
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """x, or slope * x where x is negative (Maas, Hannun & Ng 2013)."""

    slope: float = 0.01

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("slope", POSITIVE, positional=True),)


@layer("SIGMOID")
@dataclass(frozen=True)
class Sigmoid(Activation):
    """1 / (1 + exp(-x))."""


@layer("TANH")
@dataclass(frozen=True)
class Tanh(Activation):
    """tanh(x)."""


@layer("GELU")
@dataclass(frozen=True)
class GELU(Activation):
    """x * Phi(x), Phi the normal distribution function, exactly (Hendrycks & Gimpel 2016)."""


@layer("SILU")
@dataclass(frozen=True)
class SiLU(Activation):
    """x * sigmoid(x); also called swish (Ramachandran et al. 2017)."""


@layer("HSIGMOID")
@dataclass(frozen=True)
class HardSigmoid(Activation):
    """min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3, section 5.2)."""


@layer("HSWISH")
@dataclass(frozen=True)
class HardSwish(Activation):
    """x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3, section 5.2)."""


@layer("SOFTMAX")
@dataclass(frozen=True)
class Softmax(Layer):
    """exp(x) / sum(exp(x)) over the channels."""
