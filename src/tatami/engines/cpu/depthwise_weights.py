"""The weight gradient of depthwise convolutions: for each tap, the products of two lines, summed.

Each part sums its share of the output's lines in a slot of scratch memory: some lines in one half, those in the other,
so that errors stay small; a second call adds the slots.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.extending import register_jitable

from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.unfolding import Slide
from tatami.engines.cpu.vector import fma, lanes, load, load_some, store, store_some, zeros
from tatami.plan.scratch import depthwise as sizes
from tatami.plan.scratch.unfolded import rounded

BAND = 8  # lines that are summed while they are in the first cache
LINES = 64  # that are summed before their sum is added to others

register_jitable(sizes.slot)
register_jitable(rounded)


def weight_gradient(slide: Slide, x: Map, dy: Map, target: int, scratch: int) -> list[Call]:
    """Give target (F, K) = the sums, over all positions, of what each tap saw times the output gradient."""
    window = (*slide.lengths, *slide.taps, *slide.strides, *slide.dilations, *slide.before, *slide.outputs)
    head = (x.address, x.stride, dy.address, dy.stride, dy.channels, dy.channels // x.channels, scratch)
    return [
        Call(gradient, (*head, *window)),
        Call(slots_summed, (target, slide.size * dy.channels, scratch)),
    ]


@njit(nogil=True, error_model="numpy")
def _three_taps(x: Any, dy: Any, line: Any, lines: Any, width: Any, target: Any, step: int) -> None:
    """Three neighbouring taps of one vector of channels, over some lines; as for :func:`_tap`."""
    hop, far, ys = line
    count, x_line, y_line = lines
    place, stride, far_w, W, size = width
    # Outputs [low, high) see no padding through any of the three.
    low, high = _reach(place, stride, size, W)
    for t in range(1, 3):
        first, last = _reach(place + t * far_w, stride, size, W)
        low, high = max(low, first), min(high, last)
    low, high = min(low, size), max(high, min(low, size))
    s0, s1, s2 = load(target, 0), load(target, step), load(target, 2 * step)
    t0, t1, t2 = zeros(x), zeros(x), zeros(x)
    for row in range(count):
        a, b = at(x, row * x_line), at(dy, row * y_line)
        near, next = at(a, far), at(a, 2 * far)
        i = low
        while i + 2 <= high:
            g, h = load(b, i * ys), load(b, i * ys + ys)
            s0 = fma(load(a, i * hop), g, s0)
            s1 = fma(load(near, i * hop), g, s1)
            s2 = fma(load(next, i * hop), g, s2)
            t0 = fma(load(a, i * hop + hop), h, t0)
            t1 = fma(load(near, i * hop + hop), h, t1)
            t2 = fma(load(next, i * hop + hop), h, t2)
            i += 2
        # The last one, and those that see padding.
        odd = (high - low) % 2
        for j in range(size - (high - low) + odd):
            i = j if j < low else j + high - low - odd
            g, here = load(b, i * ys), place + i * stride
            if 0 <= here < W:
                s0 = fma(load(a, i * hop), g, s0)
            if 0 <= here + far_w < W:
                s1 = fma(load(near, i * hop), g, s1)
            if 0 <= here + 2 * far_w < W:
                s2 = fma(load(next, i * hop), g, s2)
    store(target, 0, s0 + t0)
    store(target, step, s1 + t1)
    store(target, 2 * step, s2 + t2)


@njit(nogil=True, error_model="numpy")
def _tap(x: Any, dy: Any, line: Any, lines: Any, width: Any, target: Any, some: int) -> None:
    """One tap of ``some`` channels, over some lines.

    ``line``: elements of x from what one output sees to the next, and from tap to tap; elements of dy. ``lines``: how
    many, and elements from one to the next in x and dy. ``width``: the position that the first output sees, stride,
    dilation, length of x, length of dy.
    """
    hop, _, ys = line
    count, x_line, y_line = lines
    place, stride, _, W, size = width
    low, high = _reach(place, stride, size, W)
    s0, s1 = load_some(target, 0, some), zeros(x)
    for row in range(count):
        a, b = at(x, row * x_line), at(dy, row * y_line)
        i = low
        while i + 2 <= high:
            s0 = fma(load_some(a, i * hop, some), load_some(b, i * ys, some), s0)
            s1 = fma(load_some(a, i * hop + hop, some), load_some(b, i * ys + ys, some), s1)
            i += 2
        if i < high:
            s0 = fma(load_some(a, i * hop, some), load_some(b, i * ys, some), s0)
    store_some(target, 0, s0 + s1, some)


@njit(nogil=True, error_model="numpy")
def _reach(place: int, step: int, count: int, length: int) -> Any:
    """The positions [first, last) of ``count``, ``step`` apart from ``place`` on, that lie within a map."""
    first = min(count, max(0, (step - 1 - place) // step))
    last = max(first, min(count, (length - 1 - place) // step + 1)) if place < length else first
    return first, last


@njit(nogil=True, error_model="numpy")
def _numbers(
    x: Any, multiplier: int, c: int, dy: Any, line: Any, lines: Any, width: Any, target: Any, some: int
) -> None:
    """As :func:`_tap`, number by number, where ``multiplier`` filters see one channel."""
    hop, _, ys = line
    count, x_line, y_line = lines
    place, stride, _, W, size = width
    low, high = _reach(place, stride, size, W)
    for row in range(count):
        a, b = at(x, row * x_line), at(dy, row * y_line)
        for i in range(low, high):
            for k in range(some):
                target[k] += a[i * hop + (c + k) // multiplier] * b[i * ys + k]


@njit(nogil=True, error_model="numpy")
def _fold(total: Any, block: Any, count: int) -> None:
    """Total += block, block = 0."""
    width = lanes(total)
    for i in range(0, count, width):
        some = min(width, count - i)
        store_some(total, i, load_some(total, i, some) + load_some(block, i, some), some)
        store_some(block, i, zeros(total), some)


@kernel
def gradient(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The part's sums over its share of the output's lines."""
    x, xs, dy, ys, filters, multiplier, scratch = unpack(args, 7)
    D, H, W, taps_d, taps_h, taps_w, step_d, step_h, step_w, far_d, far_h, far_w = unpack(at(args, 7), 12)
    before_d, before_h, before_w, out_d, out_h, out_w = unpack(at(args, 19), 6)
    x, dy = pointer(x, real), pointer(dy, real)
    size, width = taps_d * taps_h * taps_w * filters, lanes(real)
    total = pointer(scratch + part * sizes.slot(size, 64 // width), real)
    block = at(total, size)
    for i in range(2 * size):
        total[i] = real(0)
    hop, far = step_w * xs, far_w * xs
    first, last = share(n * out_d * out_h, part, parts)
    line, since = first, 0
    while line < last:
        h, d, sample = line % out_h, line // out_h % out_d, line // (out_h * out_d)
        stop = min(min(out_h, h + last - line), h + BAND)
        start = (line - h) * out_w * ys
        for c in range(0, filters, width):
            some = min(width, filters - c)
            for e in range(taps_d * taps_h):
                in_d = d * step_d - before_d + e // taps_h * far_d
                place_h = e % taps_h * far_h - before_h
                r0, r1 = _reach(place_h, step_h, out_h, H)
                r0, r1 = max(r0, h), min(r1, stop)
                if in_d < 0 or in_d >= D or r0 >= r1:
                    continue
                source = at(x, (((sample * D + in_d) * H + place_h + r0 * step_h) * W - before_w) * xs)
                g, sums = at(dy, start + r0 * out_w * ys + c), at(block, e * taps_w * filters + c)
                lines = (r1 - r0, step_h * W * xs, out_w * ys)
                t = 0
                while t < taps_w:
                    a, target = at(source, t * far + c), at(sums, t * filters)
                    along = (t * far_w - before_w, step_w, far_w, W, out_w)
                    if multiplier > 1:
                        _numbers(at(a, -c), multiplier, c, g, (hop, far, ys), lines, along, target, some)
                        t += 1
                    elif some == width and t + 3 <= taps_w:
                        _three_taps(a, g, (hop, far, ys), lines, along, target, filters)
                        t += 3
                    else:
                        _tap(a, g, (hop, far, ys), lines, along, target, some)
                        t += 1
        since += stop - h
        if since >= LINES:
            _fold(total, block, size)
            since = 0
        line += stop - h
    _fold(total, block, size)


@kernel
def slots_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Target = the sums of all parts, in their order."""
    target, size, scratch = unpack(args, 3)
    target, width = pointer(target, real), lanes(real)
    slot = sizes.slot(size, 64 // width)
    first, last = share(size, part, parts)
    for i in range(first, last, width):
        some = min(width, last - i)
        value = zeros(target)
        for each in range(parts):
            value = value + load_some(pointer(scratch + each * slot, real), i, some)
        store_some(target, i, value, some)
