"""POOL's backward kernels; arguments as in the forward kernels. Every value of dx is written by one part only.

Each output owns a cell, the pixels from where its window begins to where the next one does; the first and the last
reach to the map's ends. A pixel gathers the gradients of all windows that it lies in. For windows of 2x2 with stride 2,
and of 3x3 with stride 2 or 1, the whole cell is done at once where it is an ordinary one.
Means come without places.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.maxima import where_place
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.pool_squares import returned_square
from tatami.engines.cpu.vector import lanes, load_some, splat, store_some, zeros

_max_two, _max_three, _max_dense = (returned_square(*window, is_max=True) for window in ((2, 2), (3, 2), (3, 1)))
_mean_two, _mean_three, _mean_dense = (returned_square(*window, is_max=False) for window in ((2, 2), (3, 2), (3, 1)))


@njit(nogil=True, error_model="numpy")
def _cell(index: int, count: int, stride: int, before: int, length: int) -> Any:
    """The pixels of a cell along an axis, first and last + 1."""
    first = 0 if index == 0 else max(index * stride - before, 0)
    last = length if index == count - 1 else max((index + 1) * stride - before, 0)
    return first, last


@njit(nogil=True, error_model="numpy")
def _regular(count: int, size: int, stride: int, before: int, length: int, whole: bool) -> Any:
    """The windows, first and last + 1, whose first ``stride`` pixels are on the map with all windows that reach them.

    With ``whole``, no part of these windows is beside the map.
    """
    reach = (size - 1) // stride
    first = max(reach, (before + (reach * stride if whole else 0) + stride - 1) // stride)
    last = min(count, (length + before - (size if whole else stride)) // stride + 1)
    return first, max(last, first)


@njit(nogil=True, forceinline=True)
def _give(dx: Any, value: Any, some: int, add: int) -> None:
    """Dx = or += value."""
    if add:
        value = value + load_some(dx, 0, some)
    store_some(dx, 0, value, some)


@njit(nogil=True, error_model="numpy")
def _squares(
    F: int,
    S: int,
    dy: Any,
    ds: Any,
    places: Any,
    ps: Any,
    is_max: bool,
    factor: Any,
    dx: Any,
    xs: Any,
    count: int,
    channels: int,
    add: int,
) -> None:
    """``count`` cells along a row; steps are (row, pixel)."""
    vector = lanes(dy)
    for o in range(count):
        for c in range(0, channels, vector):
            some = min(vector, channels - c)
            d, p, t = at(dy, o * ds[1] + c), at(places, o * ps[1] + c), at(dx, o * S * xs[1] + c)
            if is_max:
                if F == 2:
                    _max_two(d, ds[0], ds[1], p, ps[0], ps[1], factor, t, xs[0], xs[1], some, add)
                elif S == 2:
                    _max_three(d, ds[0], ds[1], p, ps[0], ps[1], factor, t, xs[0], xs[1], some, add)
                else:
                    _max_dense(d, ds[0], ds[1], p, ps[0], ps[1], factor, t, xs[0], xs[1], some, add)
            elif F == 2:
                _mean_two(d, ds[0], ds[1], p, ps[0], ps[1], factor, t, xs[0], xs[1], some, add)
            elif S == 2:
                _mean_three(d, ds[0], ds[1], p, ps[0], ps[1], factor, t, xs[0], xs[1], some, add)
            else:
                _mean_dense(d, ds[0], ds[1], p, ps[0], ps[1], factor, t, xs[0], xs[1], some, add)


@njit(nogil=True, error_model="numpy")
def _add_window(
    dy: Any, places: Any, place: int, has_places: bool, factor: Any, dx: Any, channels: int, add: int
) -> None:
    """Dx = or += what one pixel has from one window."""
    vector = lanes(dy)
    for c in range(0, channels, vector):
        some = min(vector, channels - c)
        d = load_some(dy, c, some)
        d = where_place(places, c, place, d, some) if has_places else d * factor
        _give(at(dx, c), d, some, add)


@njit(nogil=True, error_model="numpy")
def _clear(dx: Any, channels: int) -> None:
    """Dx = 0."""
    vector = lanes(dx)
    for c in range(0, channels, vector):
        store_some(dx, c, zeros(dx), min(vector, channels - c))


@njit(nogil=True, error_model="numpy")
def _windows(pixel: int, size: int, stride: int, before: int, count: int) -> Any:
    """The windows, first and last + 1, in which a pixel lies."""
    there = pixel + before
    return max(0, (there - size + stride) // stride), min(count, there // stride + 1)


@njit(nogil=True, error_model="numpy")
def _clipped(start: int, size: int, length: int) -> int:
    """How much of a window lies on the map."""
    return min(start + size, length) - max(start, 0)


@njit(nogil=True, error_model="numpy")
def _pixels(
    planes: Any,
    lines: Any,
    pixels: Any,
    geometry: Any,
    dy: Any,
    ds: int,
    places: Any,
    has_places: bool,
    count_pad: int,
    dx: Any,
    xs: int,
    channels: int,
    add: int,
    real: Any,
) -> None:
    """Any pixels, each range (first, last + 1), one by one; dy, places and dx begin with the sample."""
    D, H, W, OD, OH, OW, FD, FH, FW, SD, SH, SW, PD, PH, PW = geometry
    equal = real(1) / real(FD * FH * FW)
    for z in range(planes[0], planes[1]):
        z0, z1 = _windows(z, FD, SD, PD, OD)
        for y in range(lines[0], lines[1]):
            y0, y1 = _windows(y, FH, SH, PH, OH)
            for x in range(pixels[0], pixels[1]):
                x0, x1 = _windows(x, FW, SW, PW, OW)
                target, adds = at(dx, ((z * H + y) * W + x) * xs), add
                for wz in range(z0, z1):
                    top = wz * SD - PD
                    for wy in range(y0, y1):
                        upper, line = wy * SH - PH, (wz * OH + wy) * OW
                        for wx in range(x0, x1):
                            left, factor = wx * SW - PW, equal
                            if not (has_places or count_pad):
                                count = _clipped(top, FD, D) * _clipped(upper, FH, H) * _clipped(left, FW, W)
                                factor = real(1) / real(count)
                            place = ((z - top) * FH + y - upper) * FW + x - left
                            d, p = at(dy, (line + wx) * ds), at(places, (line + wx) * channels)
                            _add_window(d, p, place, has_places, splat(factor, real), target, channels, adds)
                            adds = 1
                if not adds:
                    _clear(target, channels)


@njit(nogil=True, error_model="numpy")
def _returned(args: Any, real: Any, number: Any, n: int, part: int, parts: int) -> None:
    """Both kernels; ``number`` is the type of a place."""
    dy, ds, dx, xs, places, count_pad, add, channels = unpack(args, 8)
    geometry = unpack(at(args, 8), 15)
    D, H, W, OD, OH, OW, FD, FH, FW, SD, SH, SW, PD, PH, PW = geometry
    is_max = places != 0
    dy, dx, places = pointer(dy, real), pointer(dx, real), pointer(places, number)
    equal = real(1) / real(FH * FW)
    dys, ps, dxs = (OW * ds, ds), (OW * channels, channels), (W * xs, xs)
    whole = not (is_max or count_pad != 0)
    y0, y1 = _regular(OH, FH, SH, PH, H, whole)
    x0, x1 = _regular(OW, FW, SW, PW, W, whole)
    is_square = FD == 1 and SD == 1 and FH == FW and SH == SW
    is_square = is_square and ((FH == 2 and SH == 2) or (FH == 3 and SH <= 2))
    first, last = share(n * OD * OH * OW, part, parts)
    while first < last:
        row = first // OW
        start, stop = first - row * OW, min(last - row * OW, OW)
        first += stop - start
        sample, oz, oy = row // (OD * OH), row // OH % OD, row % OH
        outputs = sample * OD * OH * OW
        source, chosen, image = at(dy, outputs * ds), at(places, outputs * channels), at(dx, sample * D * H * W * xs)
        planes, lines = _cell(oz, OD, SD, PD, D), _cell(oy, OH, SH, PH, H)
        a, d = _cell(start, OW, SW, PW, W)[0], _cell(stop - 1, OW, SW, PW, W)[1]
        start, stop = max(start, x0), min(stop, x1)
        rest = (geometry, source, ds, chosen, is_max, count_pad, image, xs, channels, add, real)
        if not (is_square and y0 <= oy < y1 and start < stop):
            _pixels(planes, lines, (a, d), *rest)
            continue
        # Pixels a to b, cells b to c and the lines under them, pixels c to d.
        b, c, upper = start * SW - PW, stop * SW - PW, oy * SH - PH
        if a < b:
            _pixels(planes, lines, (a, b), *rest)
        o = (oz * OH + oy) * OW + start
        gradient, place, pixel = (
            at(source, o * ds),
            at(chosen, o * channels),
            at(image, ((oz * H + upper) * W + b) * xs),
        )
        _squares(FH, SH, gradient, dys, place, ps, is_max, equal, pixel, dxs, stop - start, channels, add)
        if upper + SH < lines[1]:
            _pixels(planes, (upper + SH, lines[1]), (b, c), *rest)
        if c < d:
            _pixels(planes, lines, (c, d), *rest)


@kernel
def returned(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dx = or += dy where the maximum was, or an equal share of it."""
    _returned(args, real, types.uint8, n, part, parts)


@kernel
def returned_wide(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The same, of places in two bytes."""
    _returned(args, real, types.uint16, n, part, parts)
