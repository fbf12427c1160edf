"""The gradient of a bias, and of an activation fused into the layer that has it: one pass over the output gradient.

A position's values are one row, or those of several positions where channels are few and all maps dense; the positions
that are left over make up a shorter row at the end.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.bend import bend_back
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Bend, Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.runs import lane_function, pair, pair_args
from tatami.engines.cpu.sums import BLOCK, add_row, block_sums, clear, fold, sum_of_parts
from tatami.engines.cpu.vector import lanes, load, load_some, splat, store, store_some
from tatami.plan.scratch.bias import group


def bend_backward(y: Map, dy: Map, bend: Bend) -> list[Call]:
    """Dy *= the slope at each value, which follows from the output y."""
    return [] if bend.is_identity else [Call(bent_in_place, pair_args(y, dy, dy, False, bend.slope, bend.cap))]


def bend_and_bias_backward(y: Map, dy: Map, bend: Bend, d_bias: int, scratch: int) -> list[Call]:
    """:func:`bend_backward`, and d_bias (C,) = the sums of dy over all positions; none where d_bias is 0."""
    if not d_bias:
        return bend_backward(y, dy, bend)
    together = group(dy.channels, dy.is_dense and (bend.is_identity or y.is_dense))
    width = together * dy.channels
    gradient = (dy.address, dy.stride, dy.positions, dy.channels, together, scratch)
    if bend.is_identity:
        first = Call(summed, gradient)
    else:
        first = Call(bent_and_summed, (*gradient, y.address, y.stride, bend.slope, bend.cap))
    return [first, sum_of_parts(scratch, width, d_bias, dy.channels)]


@lane_function
def _bend_back(y: Any, dy: Any, slope: Any, cap: Any) -> Any:
    return bend_back(y, dy, slope, cap)


@kernel
def bent_in_place(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy *= the slope."""
    pair(args, real, n, part, parts, _bend_back)


@njit(nogil=True, error_model="numpy")
def _add_four(a: Any, stride: int, block: Any, count: int) -> None:
    """Block += four rows, ``stride`` apart, of ``count`` values."""
    b, c, d = at(a, stride), at(a, 2 * stride), at(a, 3 * stride)
    width = lanes(a)
    whole = count // width * width
    for i in range(0, whole, width):
        store(block, i, ((load(a, i) + load(b, i)) + (load(c, i) + load(d, i))) + load(block, i))
    if whole < count:
        some = count - whole
        value = load_some(a, whole, some) + load_some(b, whole, some)
        value = value + (load_some(c, whole, some) + load_some(d, whole, some))
        store_some(block, whole, value + load_some(block, whole, some), some)


@njit(nogil=True, forceinline=True)
def _bent(y: Any, dy: Any, i: int, slope: Any, cap: Any) -> Any:
    """Bend a vector of dy in place, and give it back."""
    value = bend_back(load(y, i), load(dy, i), slope, cap)
    store(dy, i, value)
    return value


@njit(nogil=True, forceinline=True)
def _bent_some(y: Any, dy: Any, i: int, some: int, slope: Any, cap: Any) -> Any:
    """The same for its first lanes."""
    value = bend_back(load_some(y, i, some), load_some(dy, i, some), slope, cap)
    store_some(dy, i, value, some)
    return value


@njit(nogil=True, error_model="numpy")
def _bend_row(y: Any, dy: Any, block: Any, count: int, slope: Any, cap: Any) -> None:
    """Bend a row of dy, and block += that."""
    width = lanes(y)
    whole = count // width * width
    for i in range(0, whole, width):
        store(block, i, load(block, i) + _bent(y, dy, i, slope, cap))
    if whole < count:
        some = count - whole
        store_some(block, whole, load_some(block, whole, some) + _bent_some(y, dy, whole, some, slope, cap), some)


@njit(nogil=True, error_model="numpy")
def _bend_four(y: Any, ys: int, dy: Any, ds: int, block: Any, count: int, slope: Any, cap: Any) -> None:
    """Bend four rows of dy, and block += those."""
    y1, y2, y3 = at(y, ys), at(y, 2 * ys), at(y, 3 * ys)
    d1, d2, d3 = at(dy, ds), at(dy, 2 * ds), at(dy, 3 * ds)
    width = lanes(y)
    whole = count // width * width
    for i in range(0, whole, width):
        total = _bent(y, dy, i, slope, cap) + _bent(y1, d1, i, slope, cap)
        total = total + (_bent(y2, d2, i, slope, cap) + _bent(y3, d3, i, slope, cap))
        store(block, i, load(block, i) + total)
    if whole < count:
        some = count - whole
        total = _bent_some(y, dy, whole, some, slope, cap) + _bent_some(y1, d1, whole, some, slope, cap)
        total = total + _bent_some(y2, d2, whole, some, slope, cap)
        total = total + _bent_some(y3, d3, whole, some, slope, cap)
        store_some(block, whole, load_some(block, whole, some) + total, some)


@kernel
def summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The part's sums of dy."""
    dy, ds, positions, channels, together, scratch = unpack(args, 6)
    dy, ds, width = pointer(dy, real), ds * together, channels * together
    clear(scratch, width, real, part)
    block = block_sums(scratch, width, real, part)
    first, last = share(n * positions // together, part, parts)
    for start in range(first, last, BLOCK):
        stop, row = min(start + BLOCK, last), start
        while row + 4 <= stop:
            _add_four(at(dy, row * ds), ds, block, width)
            row += 4
        while row < stop:
            add_row(at(dy, row * ds), block, width)
            row += 1
        fold(scratch, width, real, part)
    if part == parts - 1:
        whole, rest = n * positions // together, n * positions % together
        add_row(at(dy, whole * ds), block, rest * channels)
        fold(scratch, width, real, part)


@kernel
def bent_and_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dy *= the slope, and the part's sums of that."""
    dy, ds, positions, channels, together, scratch, y, ys, slope, cap = unpack(args, 10)
    y, dy = pointer(y, real), pointer(dy, real)
    ys, ds, width = ys * together, ds * together, channels * together
    slope, cap = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    clear(scratch, width, real, part)
    block = block_sums(scratch, width, real, part)
    first, last = share(n * positions // together, part, parts)
    for start in range(first, last, BLOCK):
        stop, row = min(start + BLOCK, last), start
        while row + 4 <= stop:
            _bend_four(at(y, row * ys), ys, at(dy, row * ds), ds, block, width, slope, cap)
            row += 4
        while row < stop:
            _bend_row(at(y, row * ys), at(dy, row * ds), block, width, slope, cap)
            row += 1
        fold(scratch, width, real, part)
    if part == parts - 1:
        whole, rest = n * positions // together, n * positions % together
        _bend_row(at(y, whole * ys), at(dy, whole * ds), block, rest * channels, slope, cap)
        fold(scratch, width, real, part)
