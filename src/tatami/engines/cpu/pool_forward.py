"""POOL's forward kernels. In the arguments: C, then input, output, window F, stride S, padding P along three axes.

The windows of 2x2 and 3x3 that lie inside the map are loops of constant length, which the compiler unrolls.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.maxima import store_places, where_wins
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import lanes, load_some, splat, store_some, zeros


@njit(nogil=True, forceinline=True)
def _largest(
    x: Any,
    xs: int,
    steps: Any,
    y: Any,
    places: Any,
    place: int,
    depth: int,
    height: int,
    width: int,
    FH: int,
    FW: int,
    some: int,
    real: Any,
    wanted: bool,
) -> None:
    """The maxima of some channels over a window, or its part that lies on the map, and their places.

    x and ``place`` are those of the part's first pixel; steps lead from one plane, and from one row, to the next.
    """
    plane, row = steps
    one = splat(real(1), real)
    best, where = load_some(x, 0, some), splat(real(place), real)
    for z in range(depth):
        for i in range(height):
            line, number = at(x, z * plane + i * row), splat(real(place + (z * FH + i) * FW), real)
            for j in range(width):
                value = load_some(line, j * xs, some)
                where = where_wins(value, best, number, where)
                best = where_wins(value, best, value, best)
                number = number + one
    store_some(y, 0, best, some)
    if wanted:
        store_places(places, 0, where, some)


@njit(nogil=True, forceinline=True)
def _largest_of_all(
    x: Any,
    xs: int,
    steps: Any,
    y: Any,
    places: Any,
    place: int,
    depth: int,
    height: int,
    width: int,
    FH: int,
    FW: int,
    channels: int,
    real: Any,
    wanted: bool,
) -> None:
    """As :func:`_largest`, of all channels."""
    vector = lanes(real)
    whole = channels // vector * vector
    for c in range(0, whole, vector):
        a, b, p = at(x, c), at(y, c), at(places, c)
        _largest(a, xs, steps, b, p, place, depth, height, width, FH, FW, vector, real, wanted)
    if whole < channels:
        a, b, p = at(x, whole), at(y, whole), at(places, whole)
        _largest(a, xs, steps, b, p, place, depth, height, width, FH, FW, channels - whole, real, wanted)


@njit(nogil=True, forceinline=True)
def _max_pooled(args: Any, real: Any, number: Any, n: int, part: int, parts: int) -> None:
    """Both kernels; ``number`` is the type of a place."""
    x, xs, y, ys, places, channels, D, H, W, OD, OH, OW, FD, FH, FW, SD, SH, SW, PD, PH, PW = unpack(args, 21)
    wanted = places != 0
    x, y, places = pointer(x, real), pointer(y, real), pointer(places, number)
    steps = (H * W * xs, W * xs)
    first, last = share(n * OD * OH * OW, part, parts)
    while first < last:
        row = first // OW
        stop = min(last, (row + 1) * OW)
        top, upper = row // OH % OD * SD - PD, row % OH * SH - PH
        z, i = max(top, 0), max(upper, 0)
        depth, height = min(top + FD, D) - z, min(upper + FH, H) - i
        line = at(x, ((row // (OD * OH) * D + z) * H + i) * W * xs)
        before = ((z - top) * FH + i - upper) * FW
        for o in range(first, stop):
            left = (o - row * OW) * SW - PW
            j = max(left, 0)
            width = min(left + FW, W) - j
            a, b, p, place = at(line, j * xs), at(y, o * ys), at(places, o * channels), before + j - left
            if depth == 1 and height == 2 and width == 2 and place == 0 and FW == 2:
                _largest_of_all(a, xs, steps, b, p, 0, 1, 2, 2, 2, 2, channels, real, wanted)
            elif depth == 1 and height == 3 and width == 3 and place == 0 and FW == 3:
                _largest_of_all(a, xs, steps, b, p, 0, 1, 3, 3, 3, 3, channels, real, wanted)
            else:
                _largest_of_all(a, xs, steps, b, p, place, depth, height, width, FH, FW, channels, real, wanted)
        first = stop


@kernel
def max_pooled(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The maximum of each window, and its place in a byte."""
    _max_pooled(args, real, types.uint8, n, part, parts)


@kernel
def max_pooled_wide(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The maximum of each window, and its place in two bytes."""
    _max_pooled(args, real, types.uint16, n, part, parts)


@njit(nogil=True, forceinline=True)
def _mean(
    x: Any, xs: int, steps: Any, y: Any, depth: int, height: int, width: int, factor: Any, some: int, real: Any
) -> None:
    """The means of some channels over a window; rows are added up on their own, so that rounding stays small."""
    plane, row = steps
    total = zeros(real)
    for z in range(depth):
        for i in range(height):
            line, sum_ = at(x, z * plane + i * row), zeros(real)
            for j in range(width):
                sum_ = sum_ + load_some(line, j * xs, some)
            total = total + sum_
    store_some(y, 0, total * factor, some)


@njit(nogil=True, forceinline=True)
def _mean_of_all(
    x: Any, xs: int, steps: Any, y: Any, depth: int, height: int, width: int, factor: Any, channels: int, real: Any
) -> None:
    """As :func:`_mean`, of all channels."""
    vector = lanes(real)
    whole = channels // vector * vector
    for c in range(0, whole, vector):
        _mean(at(x, c), xs, steps, at(y, c), depth, height, width, factor, vector, real)
    if whole < channels:
        _mean(at(x, whole), xs, steps, at(y, whole), depth, height, width, factor, channels - whole, real)


@kernel
def mean_pooled(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The mean of each window, with or without its padding."""
    x, xs, y, ys, count_pad, channels, D, H, W, OD, OH, OW, FD, FH, FW, SD, SH, SW, PD, PH, PW = unpack(args, 21)
    x, y = pointer(x, real), pointer(y, real)
    steps = (H * W * xs, W * xs)
    all_ = real(1) / real(FD * FH * FW)
    first, last = share(n * OD * OH * OW, part, parts)
    while first < last:
        row = first // OW
        stop = min(last, (row + 1) * OW)
        top, upper = row // OH % OD * SD - PD, row % OH * SH - PH
        z, i = max(top, 0), max(upper, 0)
        depth, height = min(top + FD, D) - z, min(upper + FH, H) - i
        line = at(x, ((row // (OD * OH) * D + z) * H + i) * W * xs)
        for o in range(first, stop):
            left = (o - row * OW) * SW - PW
            j = max(left, 0)
            width = min(left + FW, W) - j
            count = depth * height * width
            share_ = all_ if count_pad or count == FD * FH * FW else real(1) / real(count)
            a, b, factor = at(line, j * xs), at(y, o * ys), splat(share_, real)
            if depth == 1 and height == 2 and width == 2:
                _mean_of_all(a, xs, steps, b, 1, 2, 2, factor, channels, real)
            elif depth == 1 and height == 3 and width == 3:
                _mean_of_all(a, xs, steps, b, 1, 3, 3, factor, channels, real)
            else:
                _mean_of_all(a, xs, steps, b, depth, height, width, factor, channels, real)
        first = stop
