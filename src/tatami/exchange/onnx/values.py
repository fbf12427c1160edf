"""What is known of a value of ONNX while the graph is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from scipy.special import erf

from tatami.engines.base import Array
from tatami.exchange.onnx.graph import Operation
from tatami.exchange.onnx.views import View
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
    Tanh,
)

POINTS = np.concatenate([np.linspace(-12, 12, 961), [-100.0, 100.0, -1e-3, 1e-3]])
"""Where functions of one value are compared: what equals an activation here is one."""

_BASES = 4  # the nearest values that one is followed as a function of
_STEPS = 16
"""Of functions in a row that are followed; no activation is written in so many."""

Curve: TypeAlias = Array
"""A function of one value, by what it gives at :data:`POINTS`, float64."""


class UnreadableError(Exception):
    """An operator, used as it is here, is nothing that tatami has a layer for. Says why."""


@dataclass(eq=False)
class Value:
    """A value of ONNX.

    Attributes:
        name: the value's.
        made: the operator that gives it.
        inputs: what that reads.
        view: over which layer's output it lies; None where no layer gives it, or none yet.
        curves: the values of which it is a function, each value alone, and those functions. It is one of itself.
        why: what makes it unreadable; "" where nobody has tried.
    """

    name: str
    made: Operation
    inputs: Sequence[Value | Array | None]
    view: View | None = None
    curves: dict[View, Curve] = field(default_factory=dict)
    why: str = ""

    @property
    def steps(self) -> int:
        """How many functions of a value it takes to make it from something that a layer gives."""
        return self._steps if self.view is None else 0

    def __post_init__(self) -> None:
        self._steps = 1 + max((each.steps for each in self.inputs if isinstance(each, Value)), default=0)

    def lies_over(self, node: str) -> bool:
        """Whether it is the output of the layer ``node``, moved, or a function of it."""
        return any(view.node == node for view in (*self.curves, *([self.view] if self.view is not None else [])))


def itself(view: View) -> dict[View, Curve]:
    """A value as a function of itself."""
    return {view: POINTS}


def curves_of(operation: Operation, inputs: Sequence[Value | Array | None]) -> dict[View, Curve]:
    """The functions that ``operation`` makes of functions: it takes each value alone."""
    rule = FUNCTIONS.get(operation.operator)
    if rule is None or any(each.steps > _STEPS for each in inputs if isinstance(each, Value)):
        return {}
    found: dict[View, Curve] = {}
    first, *others = [given.curves for given in inputs if isinstance(given, Value)] or [{}]
    for base in [base for base in first if all(base in each for each in others)][-_BASES:]:
        numbers: list[Curve | np.float64 | None] = []
        for given in inputs:
            if isinstance(given, Value):
                numbers.append(given.curves[base])
            elif given is None:
                numbers.append(None)
            elif _is_one_number(given, operation.operator == "PRelu"):
                numbers.append(np.float64(np.ravel(given)[0]))
            else:
                return {}
        with np.errstate(all="ignore"):
            found[base] = np.asarray(rule(operation.attributes, *numbers), np.float64)
    return found


def activation_of(curve: Curve) -> Activation | None:
    """The activation that gives this; None where there is none."""
    for activation, own in _ACTIVATIONS:
        if _equal(curve, own):
            return activation
    slope = -float(curve[POINTS == -1.0][0])
    if slope > 0 and _equal(curve, np.where(POINTS > 0, POINTS, -slope * -POINTS)):
        return LeakyReLU(float(str(np.float32(slope))))
    return None


def factor_of(curve: Curve) -> float | None:
    """The number that it multiplies by, where it does nothing else."""
    factor = float(curve[POINTS == 1.0][0])
    return factor if np.isfinite(factor) and _equal(curve, factor * POINTS) else None


def _equal(curve: Curve, other: Curve) -> bool:
    scale = np.maximum(1.0, np.abs(other))
    return bool(np.all(np.abs(curve - other) <= 2e-6 * scale))


def _is_one_number(array: Array, repeated: bool) -> bool:
    """Whether it holds one number, perhaps ``repeated``. Factors of channels are a layer of their own."""
    is_one = array.size == 1 or (repeated and array.size > 0 and bool((array == array.flat[0]).all()))
    return array.dtype.kind in "fiu" and is_one


def _sigmoid(x: Curve) -> Curve:
    return np.asarray(1 / (1 + np.exp(-x)))


def _gelu(x: Curve) -> Curve:
    return np.asarray(x * 0.5 * (1 + erf(x / np.sqrt(2))))


def _gelu_by_tanh(x: Curve) -> Curve:
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


_ACTIVATIONS: list[tuple[Activation, Curve]] = [
    (ReLU(), np.maximum(POINTS, 0)),
    (ReLU6(), np.clip(POINTS, 0, 6)),
    (Sigmoid(), _sigmoid(POINTS)),
    (Tanh(), np.tanh(POINTS)),
    (GELU(), _gelu(POINTS)),
    (SiLU(), POINTS * _sigmoid(POINTS)),
    (HardSigmoid(), np.clip(POINTS + 3, 0, 6) / 6),
    (HardSwish(), POINTS * np.clip(POINTS + 3, 0, 6) / 6),
]


def _clip(given: Mapping[str, Any], x: Curve, low: Any = None, high: Any = None) -> Curve:
    low = given.get("min", -np.inf) if low is None else low
    high = given.get("max", np.inf) if high is None else high
    return np.asarray(np.clip(x, low, high))


def _hard_sigmoid(given: Mapping[str, Any], x: Curve) -> Curve:
    return np.asarray(np.clip(given.get("alpha", 0.2) * x + given.get("beta", 0.5), 0, 1))


def _elu(given: Mapping[str, Any], x: Curve) -> Curve:
    return np.where(x > 0, x, given.get("alpha", 1.0) * np.expm1(np.minimum(x, 0)))


FUNCTIONS: dict[str, Any] = {
    "Relu": lambda given, x: np.maximum(x, 0),
    "LeakyRelu": lambda given, x: np.where(x > 0, x, given.get("alpha", 0.01) * x),
    "PRelu": lambda given, x, slope: np.where(x > 0, x, slope * x),
    "Sigmoid": lambda given, x: _sigmoid(x),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda given, x: x * np.clip(x + 3, 0, 6) / 6,
    "Swish": lambda given, x: x * _sigmoid(given.get("alpha", 1.0) * x),
    "Tanh": lambda given, x: np.tanh(x),
    "Elu": _elu,
    "Erf": lambda given, x: erf(x),
    "Gelu": lambda given, x: _gelu_by_tanh(x) if given.get("approximate") == "tanh" else _gelu(x),
    "Softplus": lambda given, x: np.logaddexp(0, x),
    "Softsign": lambda given, x: x / (1 + np.abs(x)),
    "Clip": _clip,
    "Exp": lambda given, x: np.exp(x),
    "Log": lambda given, x: np.log(x),
    "Sqrt": lambda given, x: np.sqrt(x),
    "Abs": lambda given, x: np.abs(x),
    "Neg": lambda given, x: -x,
    "Reciprocal": lambda given, x: 1 / x,
    "Pow": lambda given, x, y: np.power(x, y),
    "Add": lambda given, x, y: x + y,
    "Sub": lambda given, x, y: x - y,
    "Mul": lambda given, x, y: x * y,
    "Div": lambda given, x, y: x / y,
    "Max": lambda given, x, *others: np.maximum(x, others[0]) if others else x,
    "Min": lambda given, x, *others: np.minimum(x, others[0]) if others else x,
}
"""Operators that take each value alone, or values of one place."""
