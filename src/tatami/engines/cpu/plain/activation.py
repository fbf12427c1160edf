"""Activations, value by value; and softmax, over the channels of each position.

Of RELU, RELU6, LEAKY, SIGMOID and TANH the slope follows from the output y, of the others from the input x.
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np
from scipy.special import erf, expit

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network.layers import (
    GELU,
    Activation,
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
from tatami.plan.kept import CPU
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Activation, op: Forward, desk: Desk, n: int) -> Array:
    return bend(layer, desk.input(op, n))


@backward.register
def _(layer: Activation, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    known = op.output if isinstance(layer, CPU.keeps_output) else op.inputs[0]
    return (d * bend_back(layer, desk.room.array(known, n)),)


@singledispatch
def bend(layer: Layer, x: Array) -> Array:
    """f(x)."""
    raise NotImplementedError(f"the cpu engine has no plain rule for {layer.keyword}")


@singledispatch
def bend_back(layer: Layer, known: Array) -> Array:
    """f'(x) from what the plan keeps: the output or the input."""
    raise NotImplementedError(f"the cpu engine has no plain rule for {layer.keyword}")


@bend.register
def _(layer: ReLU, x: Array) -> Array:
    y: Array = np.maximum(x, 0)
    return y


@bend_back.register
def _(layer: ReLU, known: Array) -> Array:
    slope: Array = known > 0
    return slope


@bend.register
def _(layer: ReLU6, x: Array) -> Array:
    return np.clip(x, 0, 6)


@bend_back.register
def _(layer: ReLU6, known: Array) -> Array:
    slope: Array = (known > 0) & (known < 6)
    return slope


@bend.register
def _(layer: LeakyReLU, x: Array) -> Array:
    return np.where(x > 0, x, x * layer.slope)


@bend_back.register
def _(layer: LeakyReLU, known: Array) -> Array:
    slope: Array = np.where(known > 0, known.dtype.type(1), known.dtype.type(layer.slope))
    return slope


@bend.register
def _(layer: Sigmoid, x: Array) -> Array:
    y: Array = expit(x)
    return y


@bend_back.register
def _(layer: Sigmoid, known: Array) -> Array:
    slope: Array = known * (1 - known)
    return slope


@bend.register
def _(layer: Tanh, x: Array) -> Array:
    y: Array = np.tanh(x)
    return y


@bend_back.register
def _(layer: Tanh, known: Array) -> Array:
    slope: Array = 1 - known**2
    return slope


@bend.register
def _(layer: GELU, x: Array) -> Array:
    """The input times Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016)."""
    return x * _phi(x)


@bend_back.register
def _(layer: GELU, known: Array) -> Array:
    """Phi(x) + x phi(x), phi the normal density."""
    slope: Array = _phi(known) + known * (np.exp(-(known**2) / 2) / math.sqrt(2 * math.pi))
    return slope


def _phi(x: Array) -> Array:
    Phi: Array = (1 + erf(x / math.sqrt(2))) / 2
    return Phi


@bend.register
def _(layer: SiLU, x: Array) -> Array:
    y: Array = x * expit(x)
    return y


@bend_back.register
def _(layer: SiLU, known: Array) -> Array:
    """S + x s (1 - s), s the sigmoid."""
    s: Array = expit(known)
    slope: Array = s + known * s * (1 - s)
    return slope


@bend.register
def _(layer: HardSigmoid, x: Array) -> Array:
    y: Array = np.clip(x + 3, 0, 6) / 6
    return y


@bend_back.register
def _(layer: HardSigmoid, known: Array) -> Array:
    slope: Array = ((known > -3) & (known < 3)) / known.dtype.type(6)
    return slope


@bend.register
def _(layer: HardSwish, x: Array) -> Array:
    y: Array = x * np.clip(x + 3, 0, 6) / 6
    return y


@bend_back.register
def _(layer: HardSwish, known: Array) -> Array:
    """(2x + 3) / 6 between -3 and 3."""
    return np.where(known > -3, np.where(known < 3, (2 * known + 3) / 6, 1), 0).astype(known.dtype)


@forward.register
def _(layer: Softmax, op: Forward, desk: Desk, n: int) -> Array:
    """exp(x_i) / sum_j exp(x_j); the largest x is taken off first, so that exp cannot overflow."""
    X = desk.input(op, n)
    powers = np.exp(X - X.max(axis=-1, keepdims=True))
    Y: Array = powers / powers.sum(axis=-1, keepdims=True)
    return Y


@backward.register
def _(layer: Softmax, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    # dY_i / dX_j = Y_i ((i == j) - Y_j), so each dX_j = sum_i d_i Y_i ((i == j) - Y_j).
    Y = desk.room.array(op.output, n)
    return (Y * (d - np.sum(d * Y, axis=-1, keepdims=True)),)
