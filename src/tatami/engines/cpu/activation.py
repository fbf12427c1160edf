"""Activations on their own, value by value. y may be the memory of x, and dx that of dy.

RELU, RELU6, LEAKY, SIGMOID and TANH go back by their output y, the others by their input x
(:mod:`tatami.plan.kept`).
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from tatami.engines.cpu.bend import bend, bend_back
from tatami.engines.cpu.curves import constant, exponential, hyperbolic_tangent, normal, sigmoid
from tatami.engines.cpu.kernels import Call, Kernel, kernel
from tatami.engines.cpu.places import Bend, Map
from tatami.engines.cpu.runs import each, each_args, lane_function, pair, pair_args
from tatami.engines.cpu.vector import choose, larger, smaller
from tatami.network.layers import (
    GELU,
    HardSigmoid,
    HardSwish,
    Layer,
    LeakyReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Tanh,
)

_zero, _one, _three, _six, _sixth = (constant(value) for value in (0.0, 1.0, 3.0, 6.0, 1 / 6))


@singledispatch
def bend_of(layer: Layer) -> Bend | None:
    """The layer as a piecewise linear function, None where it is none."""
    return None


@bend_of.register
def _relu_bend(layer: ReLU) -> Bend:
    return Bend(0.0)


@bend_of.register
def _relu6_bend(layer: ReLU6) -> Bend:
    return Bend(0.0, 6.0)


@bend_of.register
def _leaky_bend(layer: LeakyReLU) -> Bend:
    return Bend(layer.slope)


def forward(layer: Layer, x: Map, y: Map) -> list[Call]:
    """Y = f(x)."""
    shape = bend_of(layer)
    if shape is not None:
        return bend_forward(x, y, shape)
    return [Call(_CURVES[type(layer)][0], each_args(x, y))]


def backward(layer: Layer, x: Map | None, y: Map | None, dy: Map, dx: Map, add: bool) -> list[Call]:
    """Dx = or += dy f'(x)."""
    shape = bend_of(layer)
    if shape is not None:
        assert y is not None
        return [Call(bent_back, pair_args(y, dy, dx, add, shape.slope, shape.cap))]
    kept = y if isinstance(layer, (Sigmoid, Tanh)) else x
    assert kept is not None
    return [Call(_CURVES[type(layer)][1], pair_args(kept, dy, dx, add))]


def bend_forward(x: Map, y: Map, shape: Bend) -> list[Call]:
    """Y = min(x, cap) where x > 0, slope * x elsewhere."""
    return [Call(bent, each_args(x, y, False, shape.slope, shape.cap))]


@lane_function
def _bend(x: Any, slope: Any, cap: Any) -> Any:
    return bend(x, slope, cap)


@lane_function
def _bend_back(y: Any, dy: Any, slope: Any, cap: Any) -> Any:
    return bend_back(y, dy, slope, cap)


@lane_function
def _sigmoid(x: Any, p: Any, q: Any) -> Any:
    return sigmoid(x)


@lane_function
def _sigmoid_back(y: Any, dy: Any, p: Any, q: Any) -> Any:
    return dy * (y * (_one(y) - y))


@lane_function
def _tanh(x: Any, p: Any, q: Any) -> Any:
    return hyperbolic_tangent(x)


@lane_function
def _tanh_back(y: Any, dy: Any, p: Any, q: Any) -> Any:
    return dy * (_one(y) - y * y)


@lane_function
def _gelu(x: Any, p: Any, q: Any) -> Any:
    return x * normal(x)[0]


@lane_function
def _gelu_back(x: Any, dy: Any, p: Any, q: Any) -> Any:
    below, density = normal(x)
    return dy * (below + x * density)


@lane_function
def _silu(x: Any, p: Any, q: Any) -> Any:
    return x / (_one(x) + exponential(_zero(x) - x))


@lane_function
def _silu_back(x: Any, dy: Any, p: Any, q: Any) -> Any:
    s = sigmoid(x)
    return dy * (s + x * s * (_one(x) - s))


@lane_function
def _hard_sigmoid(x: Any, p: Any, q: Any) -> Any:
    return smaller(_six(x), larger(_zero(x), x + _three(x))) * _sixth(x)


@lane_function
def _hard_sigmoid_back(x: Any, dy: Any, p: Any, q: Any) -> Any:
    slope = choose(_three(x), x, _sixth(x), _zero(x))
    return dy * choose(x, _zero(x) - _three(x), slope, _zero(x))


@lane_function
def _hard_swish(x: Any, p: Any, q: Any) -> Any:
    return x * _hard_sigmoid(x, p, q)


@lane_function
def _hard_swish_back(x: Any, dy: Any, p: Any, q: Any) -> Any:
    slope = choose(_three(x), x, (x + x + _three(x)) * _sixth(x), _one(x))
    return dy * choose(x, _zero(x) - _three(x), slope, _zero(x))


@kernel
def bent(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The bends, p the slope and q the cap."""
    each(args, real, n, part, parts, _bend)


@kernel
def bent_back(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Back through the bends, by the output."""
    pair(args, real, n, part, parts, _bend_back)


@kernel
def sigmoid_forward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """1 / (1 + exp(-x)) = s."""
    each(args, real, n, part, parts, _sigmoid)


@kernel
def sigmoid_backward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy s (1 - s)."""
    pair(args, real, n, part, parts, _sigmoid_back)


@kernel
def tanh_forward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """tanh(x)."""
    each(args, real, n, part, parts, _tanh)


@kernel
def tanh_backward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy (1 - tanh^2)."""
    pair(args, real, n, part, parts, _tanh_back)


@kernel
def gelu_forward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """X Phi(x), exactly, not by tanh (Hendrycks & Gimpel 2016)."""
    each(args, real, n, part, parts, _gelu)


@kernel
def gelu_backward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy (Phi(x) + x phi(x))."""
    pair(args, real, n, part, parts, _gelu_back)


@kernel
def silu_forward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """X s(x), s the sigmoid."""
    each(args, real, n, part, parts, _silu)


@kernel
def silu_backward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy (s + x s (1 - s))."""
    pair(args, real, n, part, parts, _silu_back)


@kernel
def hard_sigmoid_forward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """min(max(x + 3, 0), 6) / 6."""
    each(args, real, n, part, parts, _hard_sigmoid)


@kernel
def hard_sigmoid_backward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy / 6 between -3 and 3."""
    pair(args, real, n, part, parts, _hard_sigmoid_back)


@kernel
def hard_swish_forward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """X min(max(x + 3, 0), 6) / 6."""
    each(args, real, n, part, parts, _hard_swish)


@kernel
def hard_swish_backward(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy (2x + 3) / 6 between -3 and 3, dy above."""
    pair(args, real, n, part, parts, _hard_swish_back)


_CURVES: dict[type[Layer], tuple[Kernel, Kernel]] = {
    Sigmoid: (sigmoid_forward, sigmoid_backward),
    Tanh: (tanh_forward, tanh_backward),
    GELU: (gelu_forward, gelu_backward),
    SiLU: (silu_forward, silu_backward),
    HardSigmoid: (hard_sigmoid_forward, hard_sigmoid_backward),
    HardSwish: (hard_swish_forward, hard_swish_backward),
}
