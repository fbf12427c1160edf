"""Depthwise convolutions: each channel has its own filter. A vector is 16 channels, several positions at a time.

Back to the data, each phase of the stride is a convolution of stride 1 with the filter's taps in reverse order, as in
:mod:`tatami.engines.cpu.unfolded`: the same kernel with other steps from tap to tap. With more filters than channels,
scalars take over (:mod:`tatami.engines.cpu.multiplied`).
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu import copying, multiplied
from tatami.engines.cpu.bend import bend
from tatami.engines.cpu.depthwise_weights import weight_gradient
from tatami.engines.cpu.kernels import Call, Number, kernel, share
from tatami.engines.cpu.places import STRAIGHT, Bend, Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.products import Spread, kind_of
from tatami.engines.cpu.tile import BIASED
from tatami.engines.cpu.unfolded import phases
from tatami.engines.cpu.unfolding import Slide, Three, slide_of
from tatami.engines.cpu.vector import fma, lanes, load, load_some, splat, store, store_some, zeros
from tatami.network.layers import Conv, Shape

PIECE = 64  # positions of a line that a part takes at once


def pack(layer: Conv, x_shape: Shape, weight: int, packed: int) -> list[Call]:
    """Nothing to do."""
    return []


def pack_backward(layer: Conv, x_shape: Shape, weight: int, packed: int) -> list[Call]:
    """Nothing to do."""
    return []


def forward(layer: Conv, x: Map, y: Map, packed: int, bias: int, bend: Bend, scratch: int) -> list[Call]:
    """y = bend(x * weights + bias); ``packed`` are the weights (F, K) themselves."""
    slide = slide_of(layer, x.shape)
    steps = slide.taps[1] * slide.taps[2], slide.taps[2], 1
    args = _args(slide, Spread(slide.outputs), x, y, packed, 0, steps, layer.filters, bias, bend, False)
    if y.channels == x.channels:
        return [Call(slid, args)]
    return [Call(multiplied.slid, (*args, 1, y.channels // x.channels))]


def backward_data(layer: Conv, dy: Map, dx: Map, packed: int, add: bool, scratch: int) -> list[Call]:
    """dx = or += the gradient that comes back through the weights."""
    window = slide_of(layer, dx.shape)
    unit = window.taps[1] * window.taps[2], window.taps[2], 1
    found = list(phases(window))
    calls = [] if add or all(phase.slide.size for phase in found) else copying.zero(dx)
    for phase in found:
        if phase.slide.size:
            first = sum(a * b for a, b in zip(phase.first, unit, strict=True))
            steps = phase.steps[0] * unit[0], phase.steps[1] * unit[1], phase.steps[2] * unit[2]
            args = _args(phase.slide, phase.spread, dy, dx, packed, first, steps, layer.filters, 0, STRAIGHT, add)
            if dy.channels == dx.channels:
                calls.append(Call(slid, args))
            else:
                calls.append(Call(multiplied.slid, (*args, dy.channels // dx.channels, 1)))
    return calls


def backward_weights(layer: Conv, x: Map, dy: Map, d_weight: int, scratch: int) -> list[Call]:
    """d_weight (F, K) = the gradient for the weights."""
    return weight_gradient(slide_of(layer, x.shape), x, dy, d_weight, scratch)


def _args(
    slide: Slide,
    spread: Spread,
    x: Map,
    y: Map,
    weight: int,
    first: int,
    steps: Three,
    filters: int,
    bias: int,
    bend: Bend,
    add: bool,
) -> tuple[Number, ...]:
    """The weight of tap (d, h, w) and filter k lies at (first + (d, h, w) . steps) * filters + k."""
    head = (x.address, x.stride, y.address, y.stride, y.channels, weight, first, *steps, filters)
    window = (*slide.lengths, *slide.taps, *slide.strides, *slide.dilations, *slide.before, *slide.outputs)
    end = (bias, kind_of(bend, bias), bend.slope, bend.cap, int(add))
    return (*head, *end, *window, *spread.lengths, *spread.first, *spread.steps)


@njit(nogil=True, error_model="numpy")
def seen(place: int, taps: int, far: int, length: int) -> Any:
    """The taps [first, last) of a window at ``place``, ``far`` apart, that lie within a map."""
    first = min(taps, max(0, (far - 1 - place) // far))
    last = max(first, min(taps, (length - 1 - place) // far + 1)) if place < length else first
    return first, last


@njit(nogil=True, error_model="numpy")
def _one(
    x: Any, steps: Any, weight: Any, strides: Any, taps: Any, y: Any, begin: int, end: int, bias: Any, end_of: Any, add: bool
) -> None:
    """One position of y, channels [begin, end); x and weight at the first tap."""
    biased, bends, slope, cap = end_of
    width = lanes(x)
    for c in range(begin, end, width):
        some = min(width, end - c)
        total = zeros(x)
        if biased:
            total = load_some(bias, c, some)
        for d in range(taps[0]):
            for h in range(taps[1]):
                a = at(x, d * steps[0] + h * steps[1] + c)
                b = at(weight, d * strides[0] + h * strides[1] + c)
                for w in range(taps[2]):
                    total = fma(load_some(a, w * steps[2], some), load_some(b, w * strides[2], some), total)
        if add:
            total = total + load_some(y, c, some)
        if bends:
            total = bend(total, slope, cap)
        store_some(y, c, total, some)


@njit(nogil=True, error_model="numpy")
def _end(y: Any, i: int, total: Any, bends: bool, slope: Any, cap: Any, add: bool) -> None:
    if add:
        total = total + load(y, i)
    if bends:
        total = bend(total, slope, cap)
    store(y, i, total)


@njit(nogil=True, error_model="numpy")
def _six(
    x: Any,
    hop: int,
    steps: Any,
    weight: Any,
    strides: Any,
    taps: Any,
    y: Any,
    ys: int,
    channels: int,
    bias: Any,
    end_of: Any,
    add: bool,
) -> None:
    """Six positions of y, ``ys`` apart, whose windows lie ``hop`` apart; whole vectors of channels only."""
    biased, bends, slope, cap = end_of
    width = lanes(x)
    for c in range(0, channels, width):
        t0 = zeros(x)
        if biased:
            t0 = load(bias, c)
        t1, t2, t3, t4, t5 = t0, t0, t0, t0, t0
        for d in range(taps[0]):
            for h in range(taps[1]):
                a = at(x, d * steps[0] + h * steps[1] + c)
                b = at(weight, d * strides[0] + h * strides[1] + c)
                for _ in range(taps[2]):
                    value = load(b, 0)
                    t0 = fma(load(a, 0), value, t0)
                    t1 = fma(load(a, hop), value, t1)
                    t2 = fma(load(a, 2 * hop), value, t2)
                    t3 = fma(load(a, 3 * hop), value, t3)
                    t4 = fma(load(a, 4 * hop), value, t4)
                    t5 = fma(load(a, 5 * hop), value, t5)
                    a, b = at(a, steps[2]), at(b, strides[2])
        _end(y, c, t0, bends, slope, cap, add)
        _end(y, c + ys, t1, bends, slope, cap, add)
        _end(y, c + 2 * ys, t2, bends, slope, cap, add)
        _end(y, c + 3 * ys, t3, bends, slope, cap, add)
        _end(y, c + 4 * ys, t4, bends, slope, cap, add)
        _end(y, c + 5 * ys, t5, bends, slope, cap, add)


@njit(nogil=True, error_model="numpy")
def _two(
    x: Any,
    hop: int,
    steps: Any,
    weight: Any,
    strides: Any,
    taps: Any,
    y: Any,
    ys: int,
    channels: int,
    bias: Any,
    end_of: Any,
    add: bool,
) -> None:
    """As :func:`_six`, two positions."""
    biased, bends, slope, cap = end_of
    width = lanes(x)
    for c in range(0, channels, width):
        t0 = zeros(x)
        if biased:
            t0 = load(bias, c)
        t1 = t0
        for d in range(taps[0]):
            for h in range(taps[1]):
                a = at(x, d * steps[0] + h * steps[1] + c)
                b = at(weight, d * strides[0] + h * strides[1] + c)
                for _ in range(taps[2]):
                    value = load(b, 0)
                    t0 = fma(load(a, 0), value, t0)
                    t1 = fma(load(a, hop), value, t1)
                    a, b = at(a, steps[2]), at(b, strides[2])
        _end(y, c, t0, bends, slope, cap, add)
        _end(y, c + ys, t1, bends, slope, cap, add)


@kernel
def slid(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """y = or += windows of x times weights; the parts share pieces of lines."""
    x, xs, y, ys, channels, weight, tap, wd, wh, ww, filters, bias, kind, slope, cap, add = unpack(args, 16)
    D, H, W, taps_d, taps_h, taps_w, step_d, step_h, step_w, far_d, far_h, far_w = unpack(at(args, 16), 12)
    before_d, before_h, before_w, out_d, out_h, out_w = unpack(at(args, 28), 6)
    _, full_h, full_w, first_d, first_h, first_w, spread_d, spread_h, spread_w = unpack(at(args, 34), 9)
    full_d = unpack(at(args, 34), 1)[0]
    x, y, weight, bias = pointer(x, real), pointer(y, real), pointer(weight, real), pointer(bias, real)
    slope, cap = splat(real(real_number(slope)), real), splat(real(real_number(cap)), real)
    end_of = (kind & BIASED != 0, kind & ~BIASED != 0, slope, cap)
    adds = add != 0
    whole = channels // lanes(real) * lanes(real)
    strides = (wd * filters, wh * filters, ww * filters)
    steps = (far_d * H * W * xs, far_h * W * xs, far_w * xs)
    hop, gap = step_w * xs, spread_w * ys
    pieces = (out_w + PIECE - 1) // PIECE
    first, last = share(n * out_d * out_h * pieces, part, parts)
    for item in range(first, last):
        line, piece = item // pieces, item % pieces
        h, d, sample = line % out_h, line // out_h % out_d, line // (out_h * out_d)
        place_d, place_h = d * step_d - before_d, h * step_h - before_h
        d0, d1 = seen(place_d, taps_d, far_d, D)
        h0, h1 = seen(place_h, taps_h, far_h, H)
        source = at(x, ((sample * D + place_d + d0 * far_d) * H + place_h + h0 * far_h) * W * xs)
        target_line = (sample * full_d + first_d + d * spread_d) * full_h + first_h + h * spread_h
        target = at(y, (target_line * full_w + first_w) * ys)
        filter = at(weight, tap * filters + d0 * strides[0] + h0 * strides[1])
        w, stop = piece * PIECE, min(out_w, piece * PIECE + PIECE)
        while w < stop:
            place = w * step_w - before_w
            here, out = at(source, place * xs), at(target, w * gap)
            # How many of the next positions see no padding.
            inside = 0
            if place >= 0 and W - 1 - place - (taps_w - 1) * far_w >= 0:
                inside = min(stop - w, (W - 1 - place - (taps_w - 1) * far_w) // step_w + 1)
            taps = (d1 - d0, h1 - h0, taps_w)
            if inside >= 6:
                _six(here, hop, steps, filter, strides, taps, out, gap, whole, bias, end_of, adds)
                done = 6
            elif inside >= 2:
                _two(here, hop, steps, filter, strides, taps, out, gap, whole, bias, end_of, adds)
                done = 2
            else:
                w0, w1 = seen(place, taps_w, far_w, W)
                taps = (d1 - d0, h1 - h0, w1 - w0)
                a, b = at(here, w0 * steps[2]), at(filter, w0 * strides[2])
                _one(a, steps, b, strides, taps, out, 0, channels, bias, end_of, adds)
                done = 1
            if done > 1 and whole < channels:
                for i in range(done):
                    a, b = at(here, i * hop), at(out, i * gap)
                    _one(a, steps, filter, strides, taps, b, whole, channels, bias, end_of, adds)
            w += done
