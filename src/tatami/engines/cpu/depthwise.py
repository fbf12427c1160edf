"""Depthwise convolutions: each channel has its own filter. A vector is 16 channels, several positions at a time.

Back to the data, each phase of the stride is a convolution of stride 1 with the filter's taps in reverse order, as in
:mod:`tatami.engines.cpu.unfolded`: the same kernel with other steps from tap to tap. With more filters than channels,
scalars take over (:mod:`tatami.engines.cpu.multiplied`).
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu import multiplied
from tatami.engines.cpu.depthwise_block import block
from tatami.engines.cpu.depthwise_weights import weight_gradient
from tatami.engines.cpu.kernels import Call, Number, kernel, share
from tatami.engines.cpu.places import STRAIGHT, Bend, Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.products import Spread, kind_of
from tatami.engines.cpu.tile import BIASED
from tatami.engines.cpu.unfolded import phases
from tatami.engines.cpu.unfolding import Slide, Three, slide_of
from tatami.engines.cpu.vector import lanes
from tatami.network.layers import Conv, Shape

OUTPUTS = 7  # neighbouring outputs that are in registers at once: 7, 14, 28, 56 and 112 are many of these
DEPTH = 512  # channels that go down a band at once
BAND, PIECE = 4, 56  # lines, and positions of each, that a part takes at once
WORDS = 43  # of :func:`_args`


def pack(layer: Conv, x_shape: Shape, weight: int, packed: int) -> list[Call]:
    """Nothing to do."""
    return []


def pack_backward(layer: Conv, x_shape: Shape, weight: int, packed: int) -> list[Call]:
    """Nothing to do."""
    return []


def forward(layer: Conv, x: Map, y: Map, packed: int, bias: int, bend: Bend, scratch: int) -> list[Call]:
    """Y = bend(x * weights + bias); ``packed`` are the weights (F, K) themselves."""
    slide = slide_of(layer, x.shape)
    steps = slide.taps[1] * slide.taps[2], slide.taps[2], 1
    args = _args(slide, Spread(slide.outputs), x, y, packed, 0, steps, layer.filters, bias, bend, False)
    if y.channels == x.channels:
        return [Call(slid, (1, *slide.outputs, *args))]
    return [Call(multiplied.slid, (*args, 1, y.channels // x.channels))]


def backward_data(layer: Conv, dy: Map, dx: Map, packed: int, add: bool, scratch: int) -> list[Call]:
    """Give dx, = or +=, the gradient that comes back through the weights."""
    window = slide_of(layer, dx.shape)
    unit = window.taps[1] * window.taps[2], window.taps[2], 1
    found = []
    for phase in phases(window):
        if phase.slide.size or not add:  # what no window saw is set to zero
            first = sum(a * b for a, b in zip(phase.first, unit, strict=True))
            steps = phase.steps[0] * unit[0], phase.steps[1] * unit[1], phase.steps[2] * unit[2]
            args = _args(phase.slide, phase.spread, dy, dx, packed, first, steps, layer.filters, 0, STRAIGHT, add)
            found.append((phase.slide.outputs, args))
    if dy.channels != dx.channels:
        return [Call(multiplied.slid, (*args, dy.channels // dx.channels, 1)) for _, args in found]
    most = tuple(max(outputs[axis] for outputs, _ in found) for axis in range(3))
    return [Call(slid, (len(found), *most, *(word for _, args in found for word in args)))]


def backward_weights(layer: Conv, x: Map, dy: Map, d_weight: int, scratch: int) -> list[Call]:
    """Give d_weight (F, K) = the gradient for the weights."""
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


_any, _one_some = block(OUTPUTS, True), block(1, False)
# By taps along the width, and the stride there.
_1_1, _2_1, _3_1, _5_1, _3_2, _5_2 = (
    block(OUTPUTS, True, taps, stride) for taps, stride in ((1, 1), (2, 1), (3, 1), (5, 1), (3, 2), (5, 2))
)


@njit(nogil=True, error_model="numpy")
def _channels(
    x: Any,
    hop: int,
    steps: Any,
    weight: Any,
    strides: Any,
    taps: Any,
    width: Any,
    y: Any,
    gap: int,
    count: int,
    bias: Any,
    ends: Any,
    sort: int,
    begin: int,
    end: int,
) -> None:
    """Up to OUTPUTS neighbouring outputs, channels [begin, end)."""
    vector = lanes(x)
    whole = begin + (end - begin) // vector * vector
    for c in range(begin, whole, vector):
        a, w, b, s = at(x, c), at(weight, c), at(y, c), at(bias, c)
        if sort == 31:
            _3_1(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
        elif sort == 32:
            _3_2(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
        elif sort == 51:
            _5_1(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
        elif sort == 52:
            _5_2(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
        elif sort == 21:
            _2_1(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
        elif sort == 11:
            _1_1(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
        else:
            _any(a, hop, steps, w, strides, taps, width, b, gap, count, 0, s, ends)
    if whole < end:
        place, far, step, length = width
        for i in range(count):
            a, b = at(x, i * hop + whole), at(y, i * gap + whole)
            here = (place + i * step, far, step, length)
            w, s = at(weight, whole), at(bias, whole)
            _one_some(a, hop, steps, w, strides, taps, here, b, gap, 1, end - whole, s, ends)


@njit(nogil=True, error_model="numpy")
def _band(args: Any, real: Any, sample: int, d: int, band: int, bands: int, piece: int) -> None:
    """One of the ``bands`` of plane d of a sample, a piece of each of its lines; ``args`` as :func:`_args` has them."""
    x, xs, y, ys, channels, weight, tap, wd, wh, ww, filters, bias, kind, slope, cap, add = unpack(args, 16)
    D, H, W, taps_d, taps_h, taps_w, step_d, step_h, step_w, far_d, far_h, far_w = unpack(at(args, 16), 12)
    before_d, before_h, before_w, out_d, out_h, out_w = unpack(at(args, 28), 6)
    _, full_h, full_w, first_d, first_h, first_w, spread_d, spread_h, spread_w = unpack(at(args, 34), 9)
    full_d = unpack(at(args, 34), 1)[0]
    x, y, weight, bias = pointer(x, real), pointer(y, real), pointer(weight, real), pointer(bias, real)
    slope, cap = real(real_number(slope)), real(real_number(cap))
    ends = (kind & BIASED != 0, kind & ~BIASED, add != 0, slope, cap)
    strides = (wd * filters, wh * filters, ww * filters)
    steps = (far_d * H * W * xs, far_h * W * xs, far_w * xs)
    hop, gap = step_w * xs, spread_w * ys
    sort = 0
    if taps_w == 1 or far_w == 1:
        sort = 10 * taps_w + step_w
    if d >= out_d:
        return
    top, bottom = band * out_h // bands, (band + 1) * out_h // bands
    place_d = d * step_d - before_d
    d0, d1 = seen(place_d, taps_d, far_d, D)
    source = at(x, (sample * D + place_d + d0 * far_d) * H * W * xs)
    target = at(y, (sample * full_d + first_d + d * spread_d) * full_h * full_w * ys)
    filter = at(weight, tap * filters + d0 * strides[0])
    # A column of few positions goes down the band, so that lines are seen again while in cache.
    for w in range(piece * PIECE, min(out_w, piece * PIECE + PIECE), OUTPUTS):
        count = min(OUTPUTS, min(out_w, piece * PIECE + PIECE) - w)
        place = w * step_w - before_w
        width = (place, far_w, step_w, W)
        for c in range(0, channels, DEPTH):
            for h in range(top, bottom):
                place_h = h * step_h - before_h
                h0, h1 = seen(place_h, taps_h, far_h, H)
                taps = (d1 - d0, h1 - h0, taps_w)
                a = at(source, ((place_h + h0 * far_h) * W + place) * xs)
                b = at(target, ((first_h + h * spread_h) * full_w + first_w + w * spread_w) * ys)
                e = at(filter, h0 * strides[1])
                _channels(
                    a,
                    hop,
                    steps,
                    e,
                    strides,
                    taps,
                    width,
                    b,
                    gap,
                    count,
                    bias,
                    ends,
                    sort,
                    c,
                    min(c + DEPTH, channels),
                )


@kernel
def slid(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = or += windows of x times weights; the parts share pieces of lines.

    All phases of a band are done together, as their outputs lie between one another.
    """
    phases, out_d, out_h, out_w = unpack(args, 4)
    bands, pieces = (out_h + BAND - 1) // BAND, (out_w + PIECE - 1) // PIECE
    first, last = share(n * out_d * bands * pieces, part, parts)
    for item in range(first, last):
        piece, band = item % pieces, item // pieces % bands
        d, sample = item // (pieces * bands) % out_d, item // (pieces * bands * out_d)
        for phase in range(phases):
            _band(at(args, 4 + phase * WORDS), real, sample, d, band, bands, piece)
