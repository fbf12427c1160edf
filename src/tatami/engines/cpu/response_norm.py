"""LRN: y_i = x_i * base_i^-beta, base_i = k + alpha * sum of x_j^2 over the channels j around i.

Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3. Of an even size, the larger half lies before i. The sums are
sums of shifted vectors. Nothing is kept for the backward pass, which needs x only. y is not the memory of x; dx may be
that of dy.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.kernels import Call, Number, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.powers import inverse_powers, kind_of
from tatami.engines.cpu.vector import fma, lanes, load, load_between, load_some, splat, store, store_some, zeros
from tatami.network.layers import LocalResponseNorm


def forward(layer: LocalResponseNorm, x: Map, y: Map, scratch: int = 0) -> list[Call]:
    """Y = x * base^-beta; no scratch memory is needed."""
    return [Call(normalised, (x.address, x.stride, y.address, y.stride, *_args(layer, x)))]


def backward(layer: LocalResponseNorm, x: Map, dy: Map, dx: Map, add: bool, scratch: int) -> list[Call]:
    """Dx = or += dy * base^-beta - 2 alpha beta x * the sums around of dy * x * base^(-beta - 1)."""
    maps = (x.address, x.stride, dy.address, dy.stride, dx.address, dx.stride)
    return [Call(returned, (*maps, *_args(layer, x), int(add), scratch))]


def _args(layer: LocalResponseNorm, x: Map) -> tuple[Number, ...]:
    numbers = (float(layer.alpha), float(layer.beta), float(layer.k))
    return (x.positions, x.channels, layer.size, kind_of(layer.beta), *numbers)


@njit(nogil=True, forceinline=True)
def _squares_around(x: Any, i: int, before: int, after: int, channels: int) -> Any:
    """Lane by lane from channel i on, the sum of squares over the channels around."""
    total, width = zeros(x), lanes(x)
    if i >= before and i + width + after <= channels:
        for j in range(i - before, i + after + 1):
            value = load(x, j)
            total = fma(value, value, total)
    else:
        for j in range(i - before, i + after + 1):
            value = load_between(x, j, -j, channels - j)
            total = fma(value, value, total)
    return total


@njit(nogil=True, forceinline=True)
def _sum_around(row: Any, i: int, size: int) -> Any:
    """The sums over ``size`` channels from i on, as the row counts."""
    total = zeros(row)
    for shift in range(size):
        total = total + load(row, i + shift)
    return total


@kernel
def normalised(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = x * base^-beta."""
    x, xs, y, ys, positions, channels, size, kind, alpha, beta, k = unpack(args, 11)
    x, y, width = pointer(x, real), pointer(y, real), lanes(real)
    alpha, beta = splat(real(real_number(alpha)), real), splat(real(real_number(beta)), real)
    k, before, after = splat(real(real_number(k)), real), size // 2, (size - 1) // 2
    first, last = share(n * positions, part, parts)
    for p in range(first, last):
        a, b = at(x, p * xs), at(y, p * ys)
        for i in range(0, channels, width):
            base = fma(alpha, _squares_around(a, i, before, after, channels), k)
            power, _ = inverse_powers(base, beta, kind)
            some = min(width, channels - i)
            store_some(b, i, load_some(a, i, some) * power, some)


@njit(nogil=True, error_model="numpy")
def _row_values(size: int, channels: int, real: Any) -> Any:
    """Values of a row in scratch memory: see :func:`tatami.plan.scratch.norm.response_norm_row`."""
    return (channels + size - 1 + lanes(real) - 1) // lanes(real) * lanes(real) + 2 * lanes(real)


@kernel
def returned(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dx = or += the gradient.

    A position's two rows, with zeros on both sides of the second, are written one position ahead of their use: vectors
    that were only just written, read back shifted, would wait for their way through memory.
    """
    x, xs, dy, ds, dx, dxs, positions, channels, size, kind, alpha, beta, k, add, scratch = unpack(args, 15)
    x, dy, dx, width = pointer(x, real), pointer(dy, real), pointer(dx, real), lanes(real)
    twice = splat(real(-2.0 * real_number(alpha) * real_number(beta)), real)
    alpha, beta = splat(real(real_number(alpha)), real), splat(real(real_number(beta)), real)
    k, before, after = splat(real(real_number(k)), real), size // 2, (size - 1) // 2
    values = _row_values(size, channels, real)
    rows = at(pointer(scratch, real), part * 4 * values)
    for i in range(4 * values):
        rows[i] = real(0)
    first, last = share(n * positions, part, parts)
    for p in range(first, last + 1):
        scaled = at(rows, p % 2 * 2 * values)
        through = at(scaled, values)
        if p < last:
            a, b = at(x, p * xs), at(dy, p * ds)
            for i in range(0, channels, width):
                some = min(width, channels - i)
                base = fma(alpha, _squares_around(a, i, before, after, channels), k)
                power, inverse = inverse_powers(base, beta, kind)
                value = load_some(b, i, some) * power
                store(scaled, i, value)
                store(through, after + i, value * inverse * load_some(a, i, some))
        if p == first:
            continue
        scaled = at(rows, (p - 1) % 2 * 2 * values)
        through = at(scaled, values)
        a, c = at(x, (p - 1) * xs), at(dx, (p - 1) * dxs)
        # Channel i stands in the sums of those that have it around them: there before and after change sides.
        for i in range(0, channels, width):
            some = min(width, channels - i)
            value = fma(twice * load_some(a, i, some), _sum_around(through, i, size), load(scaled, i))
            if add:
                value = value + load_some(c, i, some)
            store_some(c, i, value, some)
