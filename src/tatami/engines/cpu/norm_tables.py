"""Batch norm's tables in scratch memory: numbers for each value of a row, and behind them the parts' sums.

Five rows of ``width`` values: mean, scale (weight / deviation), shift (the layer's bias), and two for the gradient's
second pass. Then a slot for each part (:mod:`tatami.engines.cpu.sums`) of two sums for each value of a row, then a row
for each part. A row of several positions repeats the channels.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.pointers import pointer, real_number, unpack
from tatami.engines.cpu.sums import slot_bytes
from tatami.engines.cpu.vector import lanes
from tatami.plan.scratch.norm import TABLES


@njit(nogil=True, error_model="numpy")
def _aligned(values: int, real: Any) -> Any:
    """Bytes of so many values, rounded up to a cache line."""
    return (values * (64 // lanes(real)) + 63) // 64 * 64


@njit(nogil=True, error_model="numpy")
def slots(scratch: int, width: int, real: Any) -> Any:
    """Where the parts' slots begin."""
    return scratch + _aligned(TABLES * width, real)


@njit(nogil=True, error_model="numpy")
def row_of_part(scratch: int, width: int, real: Any, part: int, parts: int) -> Any:
    """The row of a part."""
    first = slots(scratch, width, real) + parts * slot_bytes(2 * width, real)
    return pointer(first + part * _aligned(width, real), real)


@njit(nogil=True, error_model="numpy")
def sum_of_slots(scratch: int, width: int, channels: int, column: int, real: Any, parts: int) -> Any:
    """One channel's two sums, over the parts in their order and over the positions of a row, in float64."""
    first, second, size = 0.0, 0.0, slot_bytes(2 * width, real)
    for part in range(parts):
        sums = pointer(slots(scratch, width, real) + part * size, types.float64)
        for i in range(column, width, channels):
            first += sums[i]
            second += sums[width + i]
    return first, second


@njit(nogil=True, error_model="numpy")
def spread(tables: Any, index: int, width: int, channels: int, column: int, value: Any) -> None:
    """Write a channel's number all along a row of the tables."""
    for i in range(column, width, channels):
        tables[index * width + i] = value


@kernel
def filled(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The first three rows, from inverse deviations behind the means, or from variances elsewhere."""
    scratch, _, channels, together, mean, variance, has_variance, eps, weight, bias = unpack(args, 10)
    mean, variance, eps = pointer(mean, real), pointer(variance, real), real_number(eps)
    weight, bias, tables = pointer(weight, real), pointer(bias, real), pointer(scratch, real)
    width = channels * together
    first, last = share(channels, part, parts)
    for c in range(first, last):
        if has_variance:
            inverse = real(1.0 / sqrt(types.float64(variance[c]) + eps))
        else:
            inverse = mean[channels + c]
        spread(tables, 0, width, channels, c, mean[c])
        spread(tables, 1, width, channels, c, weight[c] * inverse)
        spread(tables, 2, width, channels, c, bias[c])
