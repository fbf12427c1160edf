"""Batch norm's statistics in one pass: sums of x - s and of its square, s near the mean of each channel.

With such a shift the difference of mean square and squared mean keeps its digits (Chan, Golub & LeVeque 1983,
Algorithms for Computing the Sample Variance, section 3). s is the mean of some positions, the same for all parts.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.norm_tables import row_of_part, slots, spread, sum_of_slots
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.sums import BLOCK, block_sums, clear, fold
from tatami.engines.cpu.vector import fma, lanes, load_some, splat, store_some, zeros

_PROBES = 16
"""Positions from which the shift is taken."""


@njit(nogil=True, error_model="numpy")
def _find_shift(x: Any, xs: int, count: int, channels: int, width: int, shift: Any, real: Any) -> None:
    """Shift = the mean of some of ``count`` positions, all along the row."""
    probes, vector = min(_PROBES, count), lanes(x)
    factor = splat(real(1) / real(probes), real)
    for c in range(0, channels, vector):
        some, total = min(vector, channels - c), zeros(x)
        for k in range(probes):
            total = total + load_some(x, k * count // probes * xs + c, some)
        store_some(shift, c, total * factor, some)
    for i in range(channels, width):
        shift[i] = shift[i - channels]


@njit(nogil=True, forceinline=True)
def _add_some(x: Any, xs: int, rows: int, shift: Any, sums: Any, squares: Any, i: int, some: int) -> None:
    """Sums and squares += those of ``rows`` rows, at ``some`` values."""
    s, total, square = load_some(shift, i, some), zeros(x), zeros(x)
    for row in range(rows):
        value = load_some(x, row * xs + i, some) - s
        total, square = total + value, fma(value, value, square)
    store_some(sums, i, load_some(sums, i, some) + total, some)
    store_some(squares, i, load_some(squares, i, some) + square, some)


@njit(nogil=True, error_model="numpy")
def _add_four(x: Any, xs: int, shift: Any, sums: Any, squares: Any, count: int) -> None:
    """Sums and squares += those of four rows."""
    vector = lanes(x)
    whole = count // vector * vector
    for i in range(0, whole, vector):
        _add_some(x, xs, 4, shift, sums, squares, i, vector)
    if whole < count:
        _add_some(x, xs, 4, shift, sums, squares, whole, count - whole)


@njit(nogil=True, error_model="numpy")
def _add_one(x: Any, shift: Any, sums: Any, squares: Any, count: int) -> None:
    """Sums and squares += those of a row."""
    vector = lanes(x)
    for i in range(0, count, vector):
        _add_some(x, 0, 1, shift, sums, squares, i, min(vector, count - i))


@kernel
def moments_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The part's sums of x - s and of its square."""
    scratch, positions, channels, together, x, xs = unpack(args, 6)
    x, width, rs = pointer(x, real), channels * together, xs * together
    shift = row_of_part(scratch, width, real, part, parts)
    _find_shift(x, xs, n * positions, channels, width, shift, real)
    base = slots(scratch, width, real)
    clear(base, 2 * width, real, part)
    sums = block_sums(base, 2 * width, real, part)
    squares = at(sums, width)
    rows = n * positions // together
    first, last = share(rows, part, parts)
    for start in range(first, last, BLOCK):
        stop, row = min(start + BLOCK, last), start
        while row + 4 <= stop:
            _add_four(at(x, row * rs), rs, shift, sums, squares, width)
            row += 4
        while row < stop:
            _add_one(at(x, row * rs), shift, sums, squares, width)
            row += 1
        fold(base, 2 * width, real, part)
    if part == parts - 1:
        _add_one(at(x, rows * rs), shift, sums, squares, n * positions % together * channels)
        fold(base, 2 * width, real, part)


@kernel
def kept(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Mean, inverse deviation and variance from the parts' sums; and the tables' first three rows."""
    scratch, positions, channels, together, statistics, weight, bias, eps = unpack(args, 8)
    width, count, eps = channels * together, n * positions, real_number(eps)
    statistics, weight, bias = pointer(statistics, real), pointer(weight, real), pointer(bias, real)
    tables, shift = pointer(scratch, real), row_of_part(scratch, width, real, 0, parts)
    first, last = share(channels, part, parts)
    for c in range(first, last):
        total, square = sum_of_slots(scratch, width, channels, c, real, parts)
        step = total / count
        variance = square / count - step * step
        if variance < 0.0:
            variance = 0.0
        mean, inverse = real(types.float64(shift[c]) + step), real(1.0 / sqrt(variance + eps))
        statistics[c], statistics[channels + c] = mean, inverse
        statistics[2 * channels + c] = real(variance)
        spread(tables, 0, width, channels, c, mean)
        spread(tables, 1, width, channels, c, weight[c] * inverse)
        spread(tables, 2, width, channels, c, bias[c])


@kernel
def moved(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Running mean and variance moved towards those of the batch."""
    positions, channels, statistics, mean, variance, momentum = unpack(args, 6)
    statistics, mean, variance = pointer(statistics, real), pointer(mean, real), pointer(variance, real)
    momentum, count = real_number(momentum), n * positions
    unbiased = count / max(count - 1, 1)
    first, last = share(channels, part, parts)
    for c in range(first, last):
        batch = types.float64(statistics[2 * channels + c]) * unbiased
        mean[c] = real((1.0 - momentum) * mean[c] + momentum * statistics[c])
        variance[c] = real((1.0 - momentum) * variance[c] + momentum * batch)
