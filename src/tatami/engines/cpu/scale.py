"""SCALE: a learned factor for each channel."""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.sums import BLOCK, add_products, block_sums, clear, fold, sum_of_parts
from tatami.engines.cpu.vector import fma, lanes, load, load_some, store, store_some


def forward(x: Map, y: Map, weight: int) -> list[Call]:
    """Y = weight * x."""
    return [Call(scaled, (x.address, x.stride, y.address, y.stride, x.positions, x.channels, weight, 0))]


def backward(x: Map, dy: Map, dx: Map | None, weight: int, d_weight: int, add: bool, scratch: int) -> list[Call]:
    """d_weight (C,) = the sums of dy * x over all positions; dx = or += weight * dy. dx may be the memory of dy."""
    size = (x.positions, x.channels)
    calls = [
        Call(products_summed, (x.address, x.stride, dy.address, dy.stride, *size, scratch)),
        sum_of_parts(scratch, x.channels, d_weight, x.channels),
    ]
    if dx is not None:
        calls.append(Call(scaled, (dy.address, dy.stride, dx.address, dx.stride, *size, weight, int(add))))
    return calls


@njit(nogil=True, error_model="numpy")
def _scale_row(x: Any, y: Any, weight: Any, count: int, add: int) -> None:
    """Y = or += weight * x, of ``count`` values."""
    width = lanes(x)
    whole = count // width * width
    for i in range(0, whole, width):
        if add:
            store(y, i, fma(load(x, i), load(weight, i), load(y, i)))
        else:
            store(y, i, load(x, i) * load(weight, i))
    if whole < count:
        some = count - whole
        value = load_some(x, whole, some) * load_some(weight, whole, some)
        if add:
            value = value + load_some(y, whole, some)
        store_some(y, whole, value, some)


@kernel
def scaled(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = or += weight * x."""
    x, xs, y, ys, positions, channels, weight, add = unpack(args, 8)
    x, y, weight = pointer(x, real), pointer(y, real), pointer(weight, real)
    first, last = share(n * positions, part, parts)
    for row in range(first, last):
        _scale_row(at(x, row * xs), at(y, row * ys), weight, channels, add)


@kernel
def products_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The part's sums of x * dy."""
    x, xs, dy, ds, positions, channels, scratch = unpack(args, 7)
    x, dy = pointer(x, real), pointer(dy, real)
    clear(scratch, channels, real, part)
    block = block_sums(scratch, channels, real, part)
    first, last = share(n * positions, part, parts)
    for start in range(first, last, BLOCK):
        for row in range(start, min(start + BLOCK, last)):
            add_products(at(x, row * xs), at(dy, row * ds), block, channels)
        fold(scratch, channels, real, part)
