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
def _three_taps(x: Any, hop: int, far: int, dy: Any, ys: int, count: int, target: Any, step: int) -> None:
    """Three taps, ``far`` apart, of one vector of channels, over ``count`` positions."""
    s0, s1, s2 = load(target, 0), load(target, step), load(target, 2 * step)
    t0, t1, t2 = zeros(x), zeros(x), zeros(x)
    near, next = at(x, far), at(x, 2 * far)
    i = 0
    while i + 2 <= count:
        a, b = load(dy, i * ys), load(dy, i * ys + ys)
        s0 = fma(load(x, i * hop), a, s0)
        s1 = fma(load(near, i * hop), a, s1)
        s2 = fma(load(next, i * hop), a, s2)
        t0 = fma(load(x, i * hop + hop), b, t0)
        t1 = fma(load(near, i * hop + hop), b, t1)
        t2 = fma(load(next, i * hop + hop), b, t2)
        i += 2
    if i < count:
        a = load(dy, i * ys)
        s0 = fma(load(x, i * hop), a, s0)
        s1 = fma(load(near, i * hop), a, s1)
        s2 = fma(load(next, i * hop), a, s2)
    store(target, 0, s0 + t0)
    store(target, step, s1 + t1)
    store(target, 2 * step, s2 + t2)


@njit(nogil=True, error_model="numpy")
def _tap(x: Any, hop: int, dy: Any, ys: int, count: int, target: Any, some: int) -> None:
    """One tap of ``some`` channels, over ``count`` positions."""
    s0, s1 = load_some(target, 0, some), zeros(x)
    i = 0
    while i + 2 <= count:
        s0 = fma(load_some(x, i * hop, some), load_some(dy, i * ys, some), s0)
        s1 = fma(load_some(x, i * hop + hop, some), load_some(dy, i * ys + ys, some), s1)
        i += 2
    if i < count:
        s0 = fma(load_some(x, i * hop, some), load_some(dy, i * ys, some), s0)
    store_some(target, 0, s0 + s1, some)


@njit(nogil=True, error_model="numpy")
def _reach(place: int, step: int, count: int, length: int) -> Any:
    """The positions [first, last) of ``count``, ``step`` apart from ``place`` on, that lie within a map."""
    first = min(count, max(0, (step - 1 - place) // step))
    last = max(first, min(count, (length - 1 - place) // step + 1)) if place < length else first
    return first, last


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
    for line in range(first, last):
        h, d, sample = line % out_h, line // out_h % out_d, line // (out_h * out_d)
        g = at(dy, line * out_w * ys)
        for e in range(taps_d * taps_h):
            in_d = d * step_d - before_d + e // taps_h * far_d
            in_h = h * step_h - before_h + e % taps_h * far_h
            if in_d < 0 or in_d >= D or in_h < 0 or in_h >= H:
                continue
            source = at(x, ((sample * D + in_d) * H + in_h) * W * xs - before_w * xs)
            sums = at(block, e * taps_w * filters)
            if multiplier > 1:
                for t in range(taps_w):
                    w0, w1 = _reach(t * far_w - before_w, step_w, out_w, W)
                    for w in range(w0, w1):
                        for k in range(filters):
                            sums[t * filters + k] += source[w * hop + t * far + k // multiplier] * g[w * ys + k]
                continue
            for c in range(0, filters, width):
                some = min(width, filters - c)
                t = 0
                while t < taps_w:
                    a, b, target = at(source, t * far + c), at(g, c), at(sums, t * filters + c)
                    w0, w1 = _reach(t * far_w - before_w, step_w, out_w, W)
                    if some == width and t + 3 <= taps_w:
                        u0, u1 = _reach((t + 1) * far_w - before_w, step_w, out_w, W)
                        v0, v1 = _reach((t + 2) * far_w - before_w, step_w, out_w, W)
                        low, high = max(w0, u0, v0), min(w1, u1, v1)
                        if low < high:
                            _three_taps(at(a, low * hop), hop, far, at(b, low * ys), ys, high - low, target, filters)
                        else:
                            low, high = out_w, out_w
                        for i in range(3):
                            r0, r1 = _reach((t + i) * far_w - before_w, step_w, out_w, W)
                            a, target = at(source, (t + i) * far + c), at(sums, (t + i) * filters + c)
                            if r0 < min(r1, low):
                                _tap(at(a, r0 * hop), hop, at(b, r0 * ys), ys, min(r1, low) - r0, target, width)
                            if max(r0, high) < r1:
                                left = max(r0, high)
                                _tap(at(a, left * hop), hop, at(b, left * ys), ys, r1 - left, target, width)
                        t += 3
                    else:
                        if w0 < w1:
                            _tap(at(a, w0 * hop), hop, at(b, w0 * ys), ys, w1 - w0, target, some)
                        t += 1
        if (line - first) % LINES == LINES - 1:
            _fold(total, block, size)
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
