"""Activations: Y = f(X), value by value, so that dX = dY * f'(X). And softmax, over the channels of each position."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf, expit

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import (
    GELU,
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


def _elementwise(Y: Array, slope: Array) -> tuple[Array, Backward]:
    """Output and backward of a function of single values with derivative ``slope``, both of the input's shape."""

    def backward(dY: Array) -> Gradients:
        return (dY * slope,), {}

    return Y, backward


@run.register
def relu(layer: ReLU, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """max(x, 0); the gradient passes where x was positive."""
    (X,) = inputs
    return _elementwise(np.maximum(X, 0), X > 0)


@run.register
def relu6(layer: ReLU6, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """min(max(x, 0), 6)."""
    (X,) = inputs
    return _elementwise(np.clip(X, 0, 6), (X > 0) & (X < 6))


@run.register
def leaky_relu(layer: LeakyReLU, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """max(x, 0) + slope * min(x, 0)."""
    (X,) = inputs
    slope = np.where(X > 0, X.dtype.type(1), X.dtype.type(layer.slope))
    return _elementwise(X * slope, slope)


@run.register
def sigmoid(layer: Sigmoid, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """1 / (1 + exp(-x)) = s; its derivative is s (1 - s)."""
    Y = expit(inputs[0])
    return _elementwise(Y, Y * (1 - Y))


@run.register
def tanh(layer: Tanh, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """The derivative of tanh is 1 - tanh^2."""
    Y = np.tanh(inputs[0])
    return _elementwise(Y, 1 - Y**2)


@run.register
def gelu(layer: GELU, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """f(x) = x Phi(x), f'(x) = Phi(x) + x phi(x), with phi = Phi' the normal density (Hendrycks & Gimpel 2016)."""
    (X,) = inputs
    Phi = (1 + erf(X / math.sqrt(2))) / 2
    phi = np.exp(-(X**2) / 2) / math.sqrt(2 * math.pi)
    return _elementwise(X * Phi, Phi + X * phi)


@run.register
def silu(layer: SiLU, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """f(x) = x s(x) with s the sigmoid, f'(x) = s + x s (1 - s)."""
    (X,) = inputs
    s = expit(X)
    return _elementwise(X * s, s + X * s * (1 - s))


@run.register
def hard_sigmoid(layer: HardSigmoid, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """min(max(x + 3, 0), 6) / 6."""
    (X,) = inputs
    return _elementwise(np.clip(X + 3, 0, 6) / 6, ((X > -3) & (X < 3)) / X.dtype.type(6))


@run.register
def hard_swish(layer: HardSwish, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """f(x) = x h(x) with h the hard sigmoid, f'(x) = (2x + 3) / 6 between -3 and 3."""
    (X,) = inputs
    slope = np.where(X > -3, np.where(X < 3, (2 * X + 3) / 6, 1), 0).astype(X.dtype)
    return _elementwise(X * np.clip(X + 3, 0, 6) / 6, slope)


@run.register
def softmax(layer: Softmax, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """exp(x_i) / sum_j exp(x_j) over the channels. The largest x is taken off first, so that exp cannot overflow."""
    (X,) = inputs
    powers = np.exp(X - X.max(axis=-1, keepdims=True))
    Y = powers / powers.sum(axis=-1, keepdims=True)

    def backward(dY: Array) -> Gradients:
        # dY_i / dX_j = Y_i ((i == j) - Y_j), so each dX_j = sum_i dY_i Y_i ((i == j) - Y_j).
        return (Y * (dY - np.sum(dY * Y, axis=-1, keepdims=True)),), {}

    return Y, backward
