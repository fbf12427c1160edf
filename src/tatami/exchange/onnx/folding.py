"""Constants are folded: the arithmetic on shapes that exporters write out, and weights turned before they are used.

A shape's batch is not known: it is :data:`BATCH`, which can be moved about, and not computed with.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from tatami.engines.base import Array
from tatami.exchange.onnx.graph import Operation

MAX_FOLDED = 4_000_000
"""Values that folding may make in all."""


class _Batch:
    def __repr__(self) -> str:
        return "batch"


BATCH: Final = _Batch()


def shape_of(sizes: Sequence[int]) -> Array:
    """What Shape says of a value with these ``sizes`` behind the batch."""
    return np.array([BATCH, *sizes], object)


def fold(operation: Operation, inputs: Sequence[Array | None], budget: list[int]) -> Array | None:
    """What ``operation`` makes of constants, or None where that is not for us to say.

    Args:
        operation: the operator.
        inputs: its inputs; None where one is left out.
        budget: how many values may still be made; it is taken from.
    """
    rule = RULES.get(operation.operator)
    if rule is None:
        return None
    size = _size_of(operation, inputs)
    if size > budget[0]:
        return None
    budget[0] -= size
    try:
        made = np.asarray(rule(operation.attributes, *inputs))
        is_plain = made.dtype == object and not any(each is BATCH for each in made.flat)
        return made.astype(np.int64) if is_plain else made
    except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError):
        return None


def axes_of(operation: Operation, inputs: Sequence[Array | None], place: int = 1) -> tuple[int, ...] | None:
    """Axes that older opsets give as an attribute and newer ones as an input; None where none are given."""
    given = operation.attributes.get("axes")
    array = inputs[place] if len(inputs) > place else None
    if given is None and array is not None:
        given = array.ravel()
    return None if given is None else tuple(int(axis) for axis in given)


# Operators that show the values of their first input in another way make none.
_VIEWS = {"Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Constant"}


def _size_of(operation: Operation, inputs: Sequence[Array | None]) -> int:
    """How many values come out at most, before any is made."""
    arrays = [array for array in inputs if array is not None]
    match operation.operator:
        case name if name in _VIEWS:
            return 0
        case "ConstantOfShape":
            return math.prod(abs(int(size)) for size in arrays[0].ravel())
        case "Gather":
            return arrays[0].size * max(arrays[1].size, 1)
        case "Concat":
            return sum(array.size for array in arrays)
    try:
        return math.prod(np.broadcast_shapes(*(array.shape for array in arrays[:2])))
    except ValueError:
        return arrays[0].size


_Attributes = Mapping[str, Any]


def _constant(given: _Attributes) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in given:
            wide = np.asarray(given[name])
            return wide.astype(np.float32) if wide.dtype == np.float64 and name != "value" else wide
    raise ValueError


def _unsqueeze(given: _Attributes, x: Array, axes: Array | None = None) -> Array:
    return np.expand_dims(x, tuple(int(axis) for axis in (given["axes"] if axes is None else axes.ravel())))


def _squeeze(given: _Attributes, x: Array, axes: Array | None = None) -> Array:
    which = given.get("axes") if axes is None else axes.ravel()
    return np.squeeze(x, None if which is None else tuple(int(axis) for axis in which))


def _slice(given: _Attributes, x: Array, *bounds: Array | None) -> Array:
    starts, stops, axes, steps = slice_bounds(given, bounds, x.ndim)
    index = [slice(None)] * x.ndim
    for start, stop, axis, step in zip(starts, stops, axes, steps, strict=True):
        index[axis] = slice(start, stop, step)
    return x[tuple(index)]


def slice_bounds(given: _Attributes, bounds: Sequence[Array | None], ndim: int) -> tuple[list[int], ...]:
    """Starts, stops, axes and steps of a Slice; of older opsets, they are attributes.

    Raises:
        ValueError: no starts, or no stops.
    """
    names = ("starts", "ends", "axes", "steps")
    told = [*bounds, None, None, None, None][:4]
    starts, stops, axes, steps = (
        given.get(name) if array is None else array.ravel() for name, array in zip(names, told, strict=True)
    )
    if starts is None or stops is None:
        raise ValueError
    axes = range(len(starts)) if axes is None else [int(axis) % ndim for axis in axes]
    steps = [1] * len(starts) if steps is None else steps
    return tuple([int(value) for value in values] for values in (starts, stops, axes, steps))


def _reshape(given: _Attributes, x: Array, sizes: Array) -> Array:
    return x.reshape([x.shape[i] if size == 0 else int(size) for i, size in enumerate(sizes)])


def _divide(given: _Attributes, x: Array, y: Array) -> Array:
    whole = x.dtype.kind in "iuO" and y.dtype.kind in "iuO"
    return x // y if whole else x / y


def _cast(given: _Attributes, x: Array) -> Array:
    kinds: dict[int, type] = {1: np.float32, 6: np.int32, 7: np.int64, 10: np.float32, 11: np.float32, 9: np.bool_}
    return x if x.dtype == object else x.astype(kinds[given["to"]])


RULES: dict[str, Callable[..., Any]] = {
    "Constant": _constant,
    "Identity": lambda given, x: x,
    "Cast": _cast,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Flatten": lambda given, x: x.reshape(math.prod(x.shape[: given.get("axis", 1)]), -1),
    "Transpose": lambda given, x: x.transpose(given.get("perm")),
    "Gather": lambda given, x, index: np.take(x, index.astype(np.int64), axis=given.get("axis", 0)),
    "Concat": lambda given, *arrays: np.concatenate([np.atleast_1d(array) for array in arrays], axis=given["axis"]),
    "ConstantOfShape": lambda given, sizes: np.full(
        [int(size) for size in sizes], np.ravel(given.get("value", np.zeros(1, np.float32)))[0]
    ),
    "Add": lambda given, x, y: x + y,
    "Sub": lambda given, x, y: x - y,
    "Mul": lambda given, x, y: x * y,
    "Div": _divide,
    "Neg": lambda given, x: -x,
    "Sqrt": lambda given, x: np.sqrt(x),
    "Reciprocal": lambda given, x: 1 / x,
    "Floor": lambda given, x: np.floor(x),
    "Ceil": lambda given, x: np.ceil(x),
}
"""Operators that are computed on constants: their attributes and inputs to what comes out."""
