"""LRN: y_i = x_i * base_i^-beta, base_i = k + alpha * sum of x_j^2 over the channels j around i.

Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3. Of an even size, the larger half lies before i. A row of
squares, with zeros on both sides, lies in scratch memory, so that the sums around are sums of shifted vectors.
Nothing is kept for the backward pass, which needs x only. y may be the memory of x, dx that of dy.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.kernels import Call, Number, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.powers import inverse_powers, kind_of
from tatami.engines.cpu.vector import fma, lanes, load, load_some, splat, store, store_some, zeros
from tatami.network.layers import LocalResponseNorm


def forward(layer: LocalResponseNorm, x: Map, y: Map, scratch: int) -> list[Call]:
    """Y = x * base^-beta."""
    return [Call(normalised, (x.address, x.stride, y.address, y.stride, *_args(layer, x), scratch))]


def backward(layer: LocalResponseNorm, x: Map, dy: Map, dx: Map, add: bool, scratch: int) -> list[Call]:
    """Dx = or += dy * base^-beta - 2 alpha beta x * the sums around of dy * x * base^(-beta - 1)."""
    maps = (x.address, x.stride, dy.address, dy.stride, dx.address, dx.stride)
    return [Call(returned, (*maps, *_args(layer, x), int(add), scratch))]


def _args(layer: LocalResponseNorm, x: Map) -> tuple[Number, ...]:
    numbers = (float(layer.alpha), float(layer.beta), float(layer.k))
    return (x.positions, x.channels, layer.size, kind_of(layer.beta), *numbers)


@njit(nogil=True, error_model="numpy")
def _rows_of(scratch: int, size: int, channels: int, real: Any, part: int) -> Any:
    """The part's three rows, zero: see :func:`tatami.plan.scratch.norm.response_norm_row`."""
    values = ((channels + size - 1) * (64 // lanes(real)) + 63) // 64 * lanes(real) + 2 * lanes(real)
    first = at(pointer(scratch, real), 3 * part * values)
    for i in range(3 * values):
        first[i] = real(0)
    return first, at(first, values), at(first, 2 * values)


@njit(nogil=True, forceinline=True)
def _sum_around(row: Any, i: int, size: int) -> Any:
    """The sums over ``size`` channels from i on, as the row counts."""
    total = zeros(row)
    for shift in range(size):
        total = total + load(row, i + shift)
    return total


@njit(nogil=True, error_model="numpy")
def _squares(x: Any, row: Any, channels: int) -> None:
    """Row = x^2."""
    vector = lanes(x)
    for i in range(0, channels, vector):
        value = load_some(x, i, min(vector, channels - i))
        store(row, i, value * value)


@kernel
def normalised(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = x * base^-beta."""
    x, xs, y, ys, positions, channels, size, kind, alpha, beta, k, scratch = unpack(args, 12)
    x, y, vector = pointer(x, real), pointer(y, real), lanes(real)
    alpha, beta = splat(real(real_number(alpha)), real), splat(real(real_number(beta)), real)
    k = splat(real(real_number(k)), real)
    squares, _, _ = _rows_of(scratch, size, channels, real, part)
    first, last = share(n * positions, part, parts)
    for p in range(first, last):
        a, b = at(x, p * xs), at(y, p * ys)
        _squares(a, at(squares, size // 2), channels)
        for i in range(0, channels, vector):
            some = min(vector, channels - i)
            power, _ = inverse_powers(fma(alpha, _sum_around(squares, i, size), k), beta, kind)
            store_some(b, i, load_some(a, i, some) * power, some)


@kernel
def returned(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dx = or += the gradient."""
    x, xs, dy, ds, dx, dxs, positions, channels, size, kind, alpha, beta, k, add, scratch = unpack(args, 15)
    x, dy, dx, vector = pointer(x, real), pointer(dy, real), pointer(dx, real), lanes(real)
    twice = splat(real(-2.0 * real_number(alpha) * real_number(beta)), real)
    alpha, beta = splat(real(real_number(alpha)), real), splat(real(real_number(beta)), real)
    k = splat(real(real_number(k)), real)
    before, after = size // 2, (size - 1) // 2
    squares, through, scaled = _rows_of(scratch, size, channels, real, part)
    first, last = share(n * positions, part, parts)
    for p in range(first, last):
        a, b, c = at(x, p * xs), at(dy, p * ds), at(dx, p * dxs)
        _squares(a, at(squares, before), channels)
        for i in range(0, channels, vector):
            some = min(vector, channels - i)
            power, inverse = inverse_powers(fma(alpha, _sum_around(squares, i, size), k), beta, kind)
            value = load_some(b, i, some) * power
            store(scaled, i, value)
            store(through, after + i, value * inverse * load_some(a, i, some))
        # Channel i stands in the sums of those that have it around them: there before and after change sides.
        for i in range(0, channels, vector):
            some = min(vector, channels - i)
            value = fma(twice * load_some(a, i, some), _sum_around(through, i, size), load(scaled, i))
            if add:
                value = value + load_some(c, i, some)
            store_some(c, i, value, some)
