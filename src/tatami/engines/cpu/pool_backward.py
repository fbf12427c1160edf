"""POOL's backward kernels; arguments as in the forward kernels. Every value of dx is written once, by one part.

Where windows do not overlap, each output scatters its gradient over the pixels from its window to the next. Otherwise
each pixel gathers from the windows that it lies in. Means come without places.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.maxima import where_place
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import lanes, load_some, splat, store_some, zeros


@njit(nogil=True, forceinline=True)
def _clipped(start: int, size: int, length: int) -> int:
    """How much of a window lies on the map."""
    return min(start + size, length) - max(start, 0)


@njit(nogil=True, forceinline=True)
def _cell(index: int, count: int, stride: int, before: int, length: int) -> Any:
    """The pixels, first and last + 1, from one window to the next; those of the first and last reach the map's ends."""
    first = 0 if index == 0 else index * stride - before
    last = length if index == count - 1 else (index + 1) * stride - before
    return first, last


@njit(nogil=True, forceinline=True)
def _give(dx: Any, value: Any, some: int, add: int) -> None:
    """Dx = or += value."""
    if add:
        value = value + load_some(dx, 0, some)
    store_some(dx, 0, value, some)


@njit(nogil=True, forceinline=True)
def _scatter_square(
    dy: Any, dx: Any, row: int, xs: int, places: Any, has_places: bool, factor: Any, some: int, add: int
) -> None:
    """Some channels of the gradient of a window of 2x2."""
    d = load_some(dy, 0, some)
    if has_places:
        _give(dx, where_place(places, 0, 0, d, some), some, add)
        _give(at(dx, xs), where_place(places, 0, 1, d, some), some, add)
        _give(at(dx, row), where_place(places, 0, 2, d, some), some, add)
        _give(at(dx, row + xs), where_place(places, 0, 3, d, some), some, add)
    else:
        d = d * factor
        _give(dx, d, some, add)
        _give(at(dx, xs), d, some, add)
        _give(at(dx, row), d, some, add)
        _give(at(dx, row + xs), d, some, add)


@njit(nogil=True, forceinline=True)
def _scattered(args: Any, real: Any, number: Any, n: int, part: int, parts: int) -> None:
    """Both kernels; ``number`` is the type of a place."""
    dy, ds, dx, xs, places, count_pad, add, channels = unpack(args, 8)
    D, H, W, OD, OH, OW, FD, FH, FW, SD, SH, SW, PD, PH, PW = unpack(at(args, 8), 15)
    has_places = places != 0
    dy, dx, places = pointer(dy, real), pointer(dx, real), pointer(places, number)
    vector = lanes(real)
    whole = channels // vector * vector
    first, last = share(n * OD * OH * OW, part, parts)
    while first < last:
        row = first // OW
        stop = min(last, (row + 1) * OW)
        oz, oy, image = row // OH % OD, row % OH, at(dx, row // (OD * OH) * D * H * W * xs)
        top, upper = oz * SD - PD, oy * SH - PH
        z0, z1 = _cell(oz, OD, SD, PD, D)
        y0, y1 = _cell(oy, OH, SH, PH, H)
        area = _clipped(top, FD, D) * _clipped(upper, FH, H)
        is_square = z1 - z0 == 1 and FD == 1 and y1 - y0 == 2 and upper == y0 and FH == 2 and FW == 2
        for o in range(first, stop):
            ox = o - row * OW
            left = ox * SW - PW
            x0, x1 = _cell(ox, OW, SW, PW, W)
            count = FD * FH * FW if count_pad else area * _clipped(left, FW, W)
            factor = splat(real(1) / real(count), real)
            source, chosen = at(dy, o * ds), at(places, o * channels)
            if is_square and x1 - x0 == 2 and left == x0:
                target = at(image, ((z0 * H + y0) * W + x0) * xs)
                for c in range(0, whole, vector):
                    a, b, p = at(source, c), at(target, c), at(chosen, c)
                    _scatter_square(a, b, W * xs, xs, p, has_places, factor, vector, add)
                if whole < channels:
                    a, b, p = at(source, whole), at(target, whole), at(chosen, whole)
                    _scatter_square(a, b, W * xs, xs, p, has_places, factor, channels - whole, add)
                continue
            for z in range(z0, z1):
                for y in range(y0, y1):
                    for x in range(x0, x1):
                        i, j, k = z - top, y - upper, x - left
                        is_seen = 0 <= i < FD and 0 <= j < FH and 0 <= k < FW
                        place, target = (i * FH + j) * FW + k, at(image, ((z * H + y) * W + x) * xs)
                        for c in range(0, channels, vector):
                            some = min(vector, channels - c)
                            d = zeros(real)
                            if is_seen:
                                d = load_some(source, c, some)
                                d = where_place(chosen, c, place, d, some) if has_places else d * factor
                            _give(at(target, c), d, some, add)
        first = stop


@kernel
def scattered(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The gradient through windows that do not overlap."""
    _scattered(args, real, types.uint8, n, part, parts)


@kernel
def scattered_wide(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The same, of places in two bytes."""
    _scattered(args, real, types.uint16, n, part, parts)


@njit(nogil=True, forceinline=True)
def _windows(pixel: int, size: int, stride: int, before: int, count: int) -> Any:
    """The windows, first and last + 1, in which a pixel lies."""
    there = pixel + before
    return max(0, (there - size + stride) // stride), min(count, there // stride + 1)


@njit(nogil=True, forceinline=True)
def _gathered(args: Any, real: Any, number: Any, n: int, part: int, parts: int) -> None:
    """Both kernels; ``number`` is the type of a place."""
    dy, ds, dx, xs, places, count_pad, add, channels = unpack(args, 8)
    D, H, W, OD, OH, OW, FD, FH, FW, SD, SH, SW, PD, PH, PW = unpack(at(args, 8), 15)
    has_places = places != 0
    dy, dx, places = pointer(dy, real), pointer(dx, real), pointer(places, number)
    vector, area = lanes(real), FD * FH * FW
    equal = real(1) / real(area)
    first, last = share(n * D * H * W, part, parts)
    while first < last:
        row = first // W
        stop = min(last, (row + 1) * W)
        z, y, image = row // H % D, row % H, row // (D * H) * OD
        z0, z1 = _windows(z, FD, SD, PD, OD)
        y0, y1 = _windows(y, FH, SH, PH, OH)
        for pixel in range(first, stop):
            x = pixel - row * W
            x0, x1 = _windows(x, FW, SW, PW, OW)
            target = at(dx, pixel * xs)
            for c in range(0, channels, vector):
                some = min(vector, channels - c)
                total = zeros(real)
                for oz in range(z0, z1):
                    for oy in range(y0, y1):
                        plane = z + PD - oz * SD
                        line = (plane * FH + y + PH - oy * SH) * FW + x + PW
                        for ox in range(x0, x1):
                            o = ((image + oz) * OH + oy) * OW + ox
                            d = load_some(dy, o * ds + c, some)
                            if has_places:
                                d = where_place(places, o * channels + c, line - ox * SW, d, some)
                            else:
                                count = area
                                if not count_pad:
                                    count = _clipped(oz * SD - PD, FD, D) * _clipped(oy * SH - PH, FH, H)
                                    count *= _clipped(ox * SW - PW, FW, W)
                                d = d * splat(equal if count == area else real(1) / real(count), real)
                            total = total + d
                _give(at(target, c), total, some, add)
        first = stop


@kernel
def gathered(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The gradient through windows that overlap."""
    _gathered(args, real, types.uint8, n, part, parts)


@kernel
def gathered_wide(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The same, of places in two bytes."""
    _gathered(args, real, types.uint16, n, part, parts)
