"""Batch norm's gradient in two passes: sums of d and of d * (x - mean), then dx; d is dy bent back.

    dx = scale * (d - mean(d) - normal * mean(d * normal))

is what the chain of equations in Ioffe & Szegedy 2015, section 3, comes to.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from tatami.engines.cpu.bend import bend_back
from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.norm_tables import slots, spread, sum_of_slots
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.sums import BLOCK, block_sums, clear
from tatami.engines.cpu.sums import fold as fold_block
from tatami.engines.cpu.vector import fma, lanes, load_some, splat, store_some, zeros


@njit(nogil=True, forceinline=True)
def _sum_some(
    x: Any, xs: int, dy: Any, ds: int, rows: int, tables: Any, sums: Any, width: int, i: int, some: int, bends: Any
) -> None:
    """Sums += those of ``rows`` rows, at ``some`` values."""
    slope, cap = bends
    mean, scale = load_some(tables, i, some), load_some(tables, width + i, some)
    shift = load_some(tables, 2 * width + i, some)
    total, product = zeros(x), zeros(x)
    for row in range(rows):
        centred = load_some(x, row * xs + i, some) - mean
        d = bend_back(fma(centred, scale, shift), load_some(dy, row * ds + i, some), slope, cap)
        total, product = total + d, fma(d, centred, product)
    store_some(sums, i, load_some(sums, i, some) + total, some)
    store_some(sums, width + i, load_some(sums, width + i, some) + product, some)


@njit(nogil=True, error_model="numpy")
def _sum_four(x: Any, xs: int, dy: Any, ds: int, tables: Any, sums: Any, width: int, bends: Any) -> None:
    """Sums += those of four rows."""
    vector = lanes(x)
    whole = width // vector * vector
    for i in range(0, whole, vector):
        _sum_some(x, xs, dy, ds, 4, tables, sums, width, i, vector, bends)
    if whole < width:
        _sum_some(x, xs, dy, ds, 4, tables, sums, width, whole, width - whole, bends)


@njit(nogil=True, error_model="numpy")
def _sum_one(x: Any, dy: Any, tables: Any, sums: Any, width: int, count: int, bends: Any) -> None:
    """Sums += those of one row."""
    vector = lanes(x)
    for i in range(0, count, vector):
        _sum_some(x, 0, dy, 0, 1, tables, sums, width, i, min(vector, count - i), bends)


@kernel
def summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The part's sums; d is bent back by the output, computed from x anew."""
    scratch, positions, channels, together, x, xs, dy, ds, slope, cap = unpack(args, 10)
    x, dy, width, tables = pointer(x, real), pointer(dy, real), channels * together, pointer(scratch, real)
    xs, ds, rows = xs * together, ds * together, n * positions // together
    bends = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    base = slots(scratch, width, real)
    clear(base, 2 * width, real, part)
    sums = block_sums(base, 2 * width, real, part)
    first, last = share(rows, part, parts)
    for start in range(first, last, BLOCK):
        stop, row = min(start + BLOCK, last), start
        while row + 4 <= stop:
            _sum_four(at(x, row * xs), xs, at(dy, row * ds), ds, tables, sums, width, bends)
            row += 4
        while row < stop:
            _sum_one(at(x, row * xs), at(dy, row * ds), tables, sums, width, width, bends)
            row += 1
        fold_block(base, 2 * width, real, part)
    if part == parts - 1:
        rest = n * positions % together * channels
        _sum_one(at(x, rows * xs), at(dy, rows * ds), tables, sums, width, rest, bends)
        fold_block(base, 2 * width, real, part)


@njit(nogil=True, forceinline=True)
def _bend_some(
    x: Any,
    dy: Any,
    y: Any,
    d: Any,
    more: Any,
    wants: Any,
    tables: Any,
    sums: Any,
    width: int,
    i: int,
    some: int,
    bends: Any,
) -> None:
    """Write d, dy bent back, also added to ``more``, and to the sums; at ``some`` values."""
    (is_bent, has_more), (slope, cap) = wants, bends
    value = load_some(dy, i, some)
    if is_bent:
        value = bend_back(load_some(y, i, some), value, slope, cap)
    store_some(d, i, value, some)
    if has_more:
        store_some(more, i, load_some(more, i, some) + value, some)
    centred = load_some(x, i, some) - load_some(tables, i, some)
    store_some(sums, i, load_some(sums, i, some) + value, some)
    store_some(sums, width + i, fma(value, centred, load_some(sums, width + i, some)), some)


@njit(nogil=True, error_model="numpy")
def _bend_row(
    x: Any, dy: Any, y: Any, d: Any, more: Any, wants: Any, tables: Any, sums: Any, width: int, count: int, bends: Any
) -> None:
    """The same of a row."""
    vector = lanes(x)
    whole = count // vector * vector
    for i in range(0, whole, vector):
        _bend_some(x, dy, y, d, more, wants, tables, sums, width, i, vector, bends)
    if whole < count:
        _bend_some(x, dy, y, d, more, wants, tables, sums, width, whole, count - whole, bends)


@kernel
def bent_and_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Write d, dy bent back by the output y if there is one; ``more``, if given, += d; and the part's sums."""
    scratch, positions, channels, together = unpack(args, 4)
    x, xs, dy, dys, y, ys, d, ds, more, ms, slope, cap = unpack(at(args, 4), 12)
    wants = (y != 0, more != 0)
    x, dy, y, d, more = pointer(x, real), pointer(dy, real), pointer(y, real), pointer(d, real), pointer(more, real)
    xs, dys, ys, ds, ms = xs * together, dys * together, ys * together, ds * together, ms * together
    bends = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    rows, width, tables = n * positions // together, channels * together, pointer(scratch, real)
    base = slots(scratch, width, real)
    clear(base, 2 * width, real, part)
    sums = block_sums(base, 2 * width, real, part)
    first, last = share(rows, part, parts)
    if part == parts - 1 and n * positions % together:
        last += 1
    for start in range(first, last, BLOCK):
        for row in range(start, min(start + BLOCK, last)):
            count = width if row < rows else n * positions % together * channels
            places = at(x, row * xs), at(dy, row * dys), at(y, row * ys), at(d, row * ds), at(more, row * ms)
            _bend_row(*places, wants, tables, sums, width, count, bends)
        fold_block(base, 2 * width, real, part)


@kernel
def folded(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """d_weight and d_bias from the parts' sums; and the tables' last two rows."""
    scratch, positions, channels, together, statistics, skip, d_weight, d_bias = unpack(args, 8)
    width, count, inverse = channels * together, n * positions, at(pointer(statistics, real), skip)
    d_weight, d_bias, tables = pointer(d_weight, real), pointer(d_bias, real), pointer(scratch, real)
    first, last = share(channels, part, parts)
    for c in range(first, last):
        total, product = sum_of_slots(scratch, width, channels, c, real, parts)
        scale, factor = types.float64(tables[width + c]), types.float64(inverse[c])
        product *= factor  # of d with normal
        d_bias[c], d_weight[c] = real(total), real(product)
        spread(tables, 3, width, channels, c, real(-scale * total / count))
        spread(tables, 4, width, channels, c, real(-scale * factor * product / count))


@njit(nogil=True, forceinline=True)
def _return_some(
    x: Any, dy: Any, dx: Any, add: int, tables: Any, width: int, i: int, some: int, slope: Any, cap: Any
) -> None:
    """One vector of dx."""
    centred, scale = load_some(x, i, some) - load_some(tables, i, some), load_some(tables, width + i, some)
    output = fma(centred, scale, load_some(tables, 2 * width + i, some))
    d = bend_back(output, load_some(dy, i, some), slope, cap)
    value = fma(centred, load_some(tables, 4 * width + i, some), load_some(tables, 3 * width + i, some))
    if add:
        value = value + load_some(dx, i, some)
    store_some(dx, i, fma(d, scale, value), some)


@njit(nogil=True, error_model="numpy")
def _return_row(x: Any, dy: Any, dx: Any, add: int, tables: Any, width: int, count: int, slope: Any, cap: Any) -> None:
    """A row of dx."""
    vector = lanes(x)
    whole = count // vector * vector
    for i in range(0, whole, vector):
        _return_some(x, dy, dx, add, tables, width, i, vector, slope, cap)
    if whole < count:
        _return_some(x, dy, dx, add, tables, width, whole, count - whole, slope, cap)


@kernel
def returned(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dx = or += scale * (d - mean(d) - normal * mean(d * normal)), d as in :func:`summed`."""
    scratch, positions, channels, together, x, xs, dy, ds, dx, dxs, add, slope, cap = unpack(args, 13)
    x, dy, dx = pointer(x, real), pointer(dy, real), pointer(dx, real)
    width, tables, rows = channels * together, pointer(scratch, real), n * positions // together
    slope, cap = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    xs, ds, dxs = xs * together, ds * together, dxs * together
    first, last = share(rows, part, parts)
    for row in range(first, last):
        _return_row(at(x, row * xs), at(dy, row * ds), at(dx, row * dxs), add, tables, width, width, slope, cap)
    if part == parts - 1:
        rest = n * positions % together * channels
        _return_row(at(x, rows * xs), at(dy, rows * ds), at(dx, rows * dxs), add, tables, width, rest, slope, cap)
