"""ADD and MUL: where branches meet. The result may lie in the memory of an input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba import float64

from tatami.engines.cpu.bend import bend
from tatami.engines.cpu.kernels import Call, Number, kernel, share
from tatami.engines.cpu.places import Bend, Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.runs import along, lane_function, pair, pair_args, rows
from tatami.engines.cpu.sums import BLOCK, block_sums, clear, fold, slot_bytes
from tatami.engines.cpu.vector import lanes, load_some, splat, store_some
from tatami.plan.scratch.merge import COLUMNS


def add_forward(inputs: Sequence[Map], y: Map, shape: Bend) -> list[Call]:
    """Y = the sum of the inputs, and the activation behind it."""
    if len(inputs) == 2:
        return [Call(two_added, pair_args(inputs[0], inputs[1], y, False, shape.slope, shape.cap))]
    where = (y.address, y.stride, *along(y, *inputs), shape.slope, shape.cap)
    return [Call(many_added, (*where, len(inputs), *_places(inputs)))]


def multiply_forward(inputs: Sequence[Map], y: Map) -> list[Call]:
    """Y = the product of the inputs; one that is a vector, where y is a map, multiplies each of its positions."""
    return _product(inputs, y, False)


def multiply_backward(inputs: Sequence[Map], index: int, dy: Map, dx: Map, add: bool, scratch: int) -> list[Call]:
    """The gradient of the input ``index``: dy times the others; for a vector, the sum of that over the positions."""
    factors = [dy, *inputs[:index], *inputs[index + 1 :]]
    if len(dx.shape) == len(dy.shape):
        return _product(factors, dx, add)
    where = (dx.address, dx.stride, dy.positions, dx.channels, int(add), scratch)
    return [Call(product_summed, (*where, len(factors), *_places(factors, dy)))]


def _product(factors: Sequence[Map], y: Map, add: bool) -> list[Call]:
    is_plain = all(len(x.shape) == len(y.shape) for x in factors)
    if is_plain and len(factors) == 2:
        return [Call(two_multiplied, pair_args(factors[0], factors[1], y, add))]
    positions, channels, dense = along(y, *factors)
    where = (y.address, y.stride, positions, channels, int(dense and is_plain), int(add))
    return [Call(many_multiplied, (*where, len(factors), *_places(factors, y)))]


def _places(inputs: Sequence[Map], y: Map | None = None) -> tuple[Number, ...]:
    """Address, stride of positions, and stride of samples less that of their positions, of each input."""
    words: list[Number] = []
    for x in inputs:
        is_vector = y is not None and len(x.shape) < len(y.shape)
        words += [x.address, 0 if is_vector else x.stride, x.stride if is_vector else 0]
    return tuple(words)


@lane_function
def _sum(a: Any, b: Any, slope: Any, cap: Any) -> Any:
    return bend(a + b, slope, cap)


@lane_function
def _times(a: Any, b: Any, p: Any, q: Any) -> Any:
    return a * b


@kernel
def two_added(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = a + b, bent."""
    pair(args, real, n, part, parts, _sum)


@kernel
def two_multiplied(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = or += a * b."""
    pair(args, real, n, part, parts, _times)


@kernel
def many_added(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = the sum of any number of inputs, bent; a vector of each is read before y is written."""
    y, ys, positions, channels, dense, slope, cap, inputs = unpack(args, 8)
    y, width, places = pointer(y, real), lanes(real), at(args, 8)
    slope, cap = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    first, last, start, count = rows(n, positions, channels, dense, width, part, parts)
    for row in range(first, last):
        for i in range(0, count, width):
            total = splat(real(0), real)
            for k in range(inputs):
                x = pointer(places[3 * k], real)
                total = total + load_some(x, start + row * places[3 * k + 1] + i, count - i)
            store_some(at(y, start + row * ys), i, bend(total, slope, cap), count - i)


@kernel
def many_multiplied(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = or += the product of any number of factors, some of which may be one vector for each sample."""
    y, ys, positions, channels, dense, add, factors = unpack(args, 7)
    y, width, places = pointer(y, real), lanes(real), at(args, 7)
    first, last, start, count = rows(n, positions, channels, dense, width, part, parts)
    for row in range(first, last):
        sample = row // positions
        for i in range(0, count, width):
            total = splat(real(1), real)
            for k in range(factors):
                x = pointer(places[3 * k], real)
                offset = start + row * places[3 * k + 1] + sample * places[3 * k + 2]
                total = total * load_some(x, offset + i, count - i)
            there = at(y, start + row * ys)
            if add:
                total = total + load_some(there, i, count - i)
            store_some(there, i, total, count - i)


@kernel
def product_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y (C,) = or += the sum over the positions of the product of factors; a part does some columns of a sample."""
    y, ys, positions, channels, add, scratch, factors = unpack(args, 7)
    y, width, places = pointer(y, real), lanes(real), at(args, 7)
    tiles = (channels + COLUMNS - 1) // COLUMNS
    block = block_sums(scratch, COLUMNS, real, part)
    sums = pointer(scratch + part * slot_bytes(COLUMNS, real), float64)
    first, last = share(n * tiles, part, parts)
    for tile in range(first, last):
        sample, column = tile // tiles, tile % tiles * COLUMNS
        count = min(COLUMNS, channels - column)
        clear(scratch, COLUMNS, real, part)
        for start in range(0, positions, BLOCK):
            for row in range(sample * positions + start, sample * positions + min(start + BLOCK, positions)):
                for i in range(0, count, width):
                    total = splat(real(1), real)
                    for k in range(factors):
                        x = pointer(places[3 * k], real)
                        offset = row * places[3 * k + 1] + sample * places[3 * k + 2] + column
                        total = total * load_some(x, offset + i, count - i)
                    store_some(block, i, load_some(block, i, count - i) + total, count - i)
            fold(scratch, COLUMNS, real, part)
        for c in range(count):
            place = sample * ys + column + c
            y[place] = real(sums[c]) + (y[place] if add else real(0))
