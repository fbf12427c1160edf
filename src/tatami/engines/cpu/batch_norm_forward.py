"""Batch norm applied: one pass over x, and over the shortcut."""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.bend import bend
from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.vector import fma, lanes, load_some, splat, store_some


@njit(nogil=True, forceinline=True)
def _some(
    x: Any, y: Any, shortcut: Any, has_shortcut: bool, tables: Any, width: int, i: int, some: int, slope: Any, cap: Any
) -> None:
    """One vector of y."""
    centred = load_some(x, i, some) - load_some(tables, i, some)
    value = fma(centred, load_some(tables, width + i, some), load_some(tables, 2 * width + i, some))
    if has_shortcut:
        value = value + load_some(shortcut, i, some)
    store_some(y, i, bend(value, slope, cap), some)


@njit(nogil=True, error_model="numpy")
def _row(
    x: Any, y: Any, shortcut: Any, has_shortcut: bool, tables: Any, width: int, count: int, slope: Any, cap: Any
) -> None:
    """A row of y."""
    vector = lanes(x)
    whole = count // vector * vector
    for i in range(0, whole, vector):
        _some(x, y, shortcut, has_shortcut, tables, width, i, vector, slope, cap)
    if whole < count:
        _some(x, y, shortcut, has_shortcut, tables, width, whole, count - whole, slope, cap)


@kernel
def normalised(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = bend((x - mean) * scale + shift + shortcut)."""
    scratch, positions, channels, together, x, xs, y, ys, shortcut, ss, slope, cap = unpack(args, 12)
    has_shortcut, width, tables = shortcut != 0, channels * together, pointer(scratch, real)
    x, y, shortcut = pointer(x, real), pointer(y, real), pointer(shortcut, real)
    slope, cap = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    xs, ys, ss = xs * together, ys * together, ss * together
    rows = n * positions // together
    first, last = share(rows, part, parts)
    for row in range(first, last):
        a, b, c = at(x, row * xs), at(y, row * ys), at(shortcut, row * ss)
        _row(a, b, c, has_shortcut, tables, width, width, slope, cap)
    if part == parts - 1:
        a, b, c = at(x, rows * xs), at(y, rows * ys), at(shortcut, rows * ss)
        _row(a, b, c, has_shortcut, tables, width, n * positions % together * channels, slope, cap)
