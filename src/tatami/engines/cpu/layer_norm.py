"""LN: each position normalised over its channels, then scaled and shifted (Ba, Kiros & Hinton 2016, equation 3).

Of each position, mean and inverse deviation are kept, side by side. y may be the memory of x, and dx that of dy.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.sums import BLOCK, block_sums, clear, fold, slot_bytes
from tatami.engines.cpu.vector import first, fma, lane_sum, lanes, load_some, splat, store_some, zeros
from tatami.network.layers import LayerNorm


def forward(layer: LayerNorm, x: Map, y: Map, weight: int, bias: int, statistics: int) -> list[Call]:
    """Y = weight * normal + bias; ``statistics`` is 0 where nobody wants them."""
    maps = (x.address, x.stride, y.address, y.stride, x.positions, x.channels)
    return [Call(normalised, (*maps, weight, bias, statistics, float(layer.eps)))]


def backward(
    layer: LayerNorm,
    x: Map,
    dy: Map,
    dx: Map | None,
    weight: int,
    statistics: int,
    d_weight: int,
    d_bias: int,
    add: bool,
    scratch: int,
) -> list[Call]:
    """d_weight = sums of dy * normal; d_bias = sums of dy; dx = or += the rest, if wanted."""
    target = (dx.address, dx.stride) if dx is not None else (0, 0)
    maps = (x.address, x.stride, dy.address, dy.stride, *target, x.positions, x.channels)
    return [
        Call(returned, (*maps, weight, statistics, int(add), scratch)),
        Call(folded, (x.channels, d_weight, d_bias, scratch)),
    ]


@njit(nogil=True, error_model="numpy")
def _sum(x: Any, channels: int) -> Any:
    """The sum of a row."""
    vector = lanes(x)
    a, b, i = zeros(x), zeros(x), 0
    while i + 2 * vector <= channels:
        a, b, i = a + load_some(x, i, vector), b + load_some(x, i + vector, vector), i + 2 * vector
    while i < channels:
        a, i = a + load_some(x, i, min(vector, channels - i)), i + vector
    return lane_sum(a + b)


@njit(nogil=True, error_model="numpy")
def _squares(x: Any, mean: Any, channels: int) -> Any:
    """The sum of squares of a row less its mean."""
    vector = lanes(x)
    a, b, i = zeros(x), zeros(x), 0
    while i + 2 * vector <= channels:
        one, two = load_some(x, i, vector) - mean, load_some(x, i + vector, vector) - mean
        a, b, i = fma(one, one, a), fma(two, two, b), i + 2 * vector
    while i < channels:
        some = min(vector, channels - i)
        one = first(load_some(x, i, some) - mean, some)
        a, i = fma(one, one, a), i + vector
    return lane_sum(a + b)


@kernel
def normalised(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = weight * normal + bias, and the statistics, if wanted."""
    x, xs, y, ys, positions, channels, weight, bias, statistics, eps = unpack(args, 10)
    x, y, weight, bias = pointer(x, real), pointer(y, real), pointer(weight, real), pointer(bias, real)
    wanted = statistics != 0
    statistics, eps = pointer(statistics, real), real_number(eps)
    vector = lanes(real)
    start, stop = share(n * positions, part, parts)
    for row in range(start, stop):
        a, b = at(x, row * xs), at(y, row * ys)
        mean = _sum(a, channels) / real(channels)
        middle = splat(mean, real)
        variance = _squares(a, middle, channels) / real(channels)
        inverse = real(1.0 / sqrt(types.float64(variance) + eps))
        if wanted:
            statistics[2 * row], statistics[2 * row + 1] = mean, inverse
        factor = splat(inverse, real)
        for i in range(0, channels, vector):
            some = min(vector, channels - i)
            normal = (load_some(a, i, some) - middle) * factor
            store_some(b, i, fma(normal, load_some(weight, i, some), load_some(bias, i, some)), some)


@njit(nogil=True, error_model="numpy")
def _sum_row(x: Any, dy: Any, weight: Any, mean: Any, inverse: Any, sums: Any, channels: int) -> Any:
    """Sums += dy and dy * normal; and of d = dy * weight, the sums of d and of d * normal over the row."""
    vector = lanes(x)
    total, product = zeros(x), zeros(x)
    for i in range(0, channels, vector):
        some = min(vector, channels - i)
        g, normal = load_some(dy, i, some), (load_some(x, i, some) - mean) * inverse
        store_some(sums, i, load_some(sums, i, some) + g, some)
        store_some(sums, channels + i, fma(g, normal, load_some(sums, channels + i, some)), some)
        d = g * load_some(weight, i, some)
        total, product = total + d, fma(d, normal, product)
    return lane_sum(total), lane_sum(product)


@kernel
def returned(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dx = or += (d - mean(d) - normal * mean(d * normal)) / deviation; and the part's sums for weight and bias."""
    x, xs, dy, ds, dx, dxs, positions, channels, weight, statistics, add, scratch = unpack(args, 12)
    wanted = dx != 0
    x, dy, dx, weight = pointer(x, real), pointer(dy, real), pointer(dx, real), pointer(weight, real)
    statistics, vector, share_ = pointer(statistics, real), lanes(real), real(1) / real(channels)
    clear(scratch, 2 * channels, real, part)
    sums = block_sums(scratch, 2 * channels, real, part)
    begin, end = share(n * positions, part, parts)
    for start in range(begin, end, BLOCK):
        for row in range(start, min(start + BLOCK, end)):
            a, b, c = at(x, row * xs), at(dy, row * ds), at(dx, row * dxs)
            mean, inverse = splat(statistics[2 * row], real), splat(statistics[2 * row + 1], real)
            total, product = _sum_row(a, b, weight, mean, inverse, sums, channels)
            if wanted:
                total, product = splat(total * share_, real), splat(product * share_, real)
                for i in range(0, channels, vector):
                    some = min(vector, channels - i)
                    normal = (load_some(a, i, some) - mean) * inverse
                    d = load_some(b, i, some) * load_some(weight, i, some)
                    value = (d - total - normal * product) * inverse
                    if add:
                        value = value + load_some(c, i, some)
                    store_some(c, i, value, some)
        fold(scratch, 2 * channels, real, part)


@kernel
def folded(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """d_weight and d_bias from the parts' sums."""
    channels, d_weight, d_bias, scratch = unpack(args, 4)
    d_weight, d_bias, size = pointer(d_weight, real), pointer(d_bias, real), slot_bytes(2 * channels, real)
    start, stop = share(channels, part, parts)
    for c in range(start, stop):
        total, product = 0.0, 0.0
        for each in range(parts):
            sums = pointer(scratch + each * size, types.float64)
            total += sums[c]
            product += sums[channels + c]
        d_bias[c], d_weight[c] = real(total), real(product)
