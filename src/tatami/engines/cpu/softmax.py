"""SOFTMAX over the channels of each position. y may be the memory of x, and dx that of dy."""

from __future__ import annotations

from typing import Any

from numba import float64, njit

from tatami.engines.cpu.curves import decay
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import (
    first,
    fma,
    lane_largest,
    lane_sum,
    lanes,
    larger,
    load,
    load_some,
    splat,
    store,
    store_some,
)

LONG = 4096  # values whose sum is formed in the dtype


def forward(x: Map, y: Map) -> list[Call]:
    """y_i = exp(x_i) / sum_j exp(x_j)."""
    return [Call(normalised, (x.address, x.stride, y.address, y.stride, x.positions, x.channels))]


def backward(y: Map, dy: Map, dx: Map, add: bool) -> list[Call]:
    """Dx = or += y (dy - sum_j dy_j y_j)."""
    where = (y.address, y.stride, dy.address, dy.stride, dx.address, dx.stride)
    return [Call(normalised_back, (*where, y.positions, y.channels, int(add)))]


@njit(nogil=True, error_model="numpy")
def largest(x: Any, count: int, real: Any) -> Any:
    """The largest of ``count`` values; NaN if the first one is."""
    top = x[0]
    width = lanes(real)
    if count >= width:
        whole = count // width * width
        tops = load(x, 0)
        for i in range(width, whole, width):
            tops = larger(load(x, i), tops)
        top = lane_largest(tops)
        for i in range(whole, count):
            top = max(top, x[i])
    else:
        for i in range(1, count):
            top = max(top, x[i])
    return top


@njit(nogil=True, error_model="numpy")
def powers(x: Any, y: Any, top: Any, count: int, real: Any, keep: bool) -> float:
    """The sum of exp(x - top) in float64; each of them is written to y if ``keep``."""
    width, shift = lanes(real), splat(top, real)
    total = 0.0
    for start in range(0, count, LONG):
        stop = min(start + LONG, count)
        sums = splat(real(0), real)
        whole = start + (stop - start) // width * width
        for i in range(start, whole, width):
            value = decay(load(x, i) - shift)
            if keep:
                store(y, i, value)
            sums = sums + value
        if whole < stop:
            value = decay(load_some(x, whole, stop - whole) - shift)
            if keep:
                store_some(y, whole, value, stop - whole)
            sums = sums + first(value, stop - whole)
        total += float64(lane_sum(sums))
    return total


@njit(nogil=True, error_model="numpy")
def multiply_row(x: Any, factor: Any, count: int, real: Any) -> None:
    """X *= factor, of ``count`` values."""
    width, factors = lanes(real), splat(factor, real)
    whole = count // width * width
    for i in range(0, whole, width):
        store(x, i, load(x, i) * factors)
    if whole < count:
        store_some(x, whole, load_some(x, whole, count - whole) * factors, count - whole)


@kernel
def normalised(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The softmax. The largest x is taken off first, so that exp cannot overflow."""
    x, xs, y, ys, positions, channels = unpack(args, 6)
    x, y = pointer(x, real), pointer(y, real)
    first, last = share(n * positions, part, parts)
    for row in range(first, last):
        a, b = at(x, row * xs), at(y, row * ys)
        total = powers(a, b, largest(a, channels, real), channels, real, True)
        multiply_row(b, real(1.0 / total), channels, real)


@kernel
def normalised_back(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Back through the softmax."""
    y, ys, dy, ds, dx, xs, positions, channels, add = unpack(args, 9)
    y, dy, dx, width = pointer(y, real), pointer(dy, real), pointer(dx, real), lanes(real)
    first, last = share(n * positions, part, parts)
    for row in range(first, last):
        a, b, c = at(y, row * ys), at(dy, row * ds), at(dx, row * xs)
        total = 0.0
        for start in range(0, channels, LONG):
            sums = splat(real(0), real)
            stop = min(start + LONG, channels)
            for i in range(start, stop, width):
                sums = fma(load_some(a, i, stop - i), load_some(b, i, stop - i), sums)
            total += float64(lane_sum(sums))
        shift = splat(real(total), real)
        for i in range(0, channels, width):
            some = channels - i
            value = load_some(a, i, some) * (load_some(b, i, some) - shift)
            if add:
                value = value + load_some(c, i, some)
            store_some(c, i, value, some)
