"""Convolutions of any kind as products of matrices: each window of the input is a row, each filter a column.

Letters: F taps, S stride, C and K channels and filters of a group.

Back to the data, each input pixel sums what the windows that saw it give. Pixels at the same phase of the stride are
seen by the same taps, so for each phase the gradient is a convolution of the output gradient, of stride 1, with those
taps in reverse order and each filter transposed (Dumoulin & Visin 2016, section 4); for S = 1 there is one phase. Where
that would multiply much padding, the windows' gradients are folded instead (:mod:`tatami.engines.cpu.folding`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product as every
from math import gcd

from tatami.engines.cpu import copying
from tatami.engines.cpu.folding import fold_gradient
from tatami.engines.cpu.kernels import Call
from tatami.engines.cpu.packing import pack as pack_panels
from tatami.engines.cpu.packing import pack_transposed
from tatami.engines.cpu.places import STRAIGHT, Bend, Map
from tatami.engines.cpu.products import Spread, outputs, weight_gradient
from tatami.engines.cpu.unfolding import Slide, Three, slide_of
from tatami.network.layers import Conv, Shape
from tatami.plan.scratch import unfolded as sizes


@dataclass(frozen=True)
class Phase:
    """The input pixels at one phase of the stride, and how the output gradient reaches them.

    Attributes:
        slide: windows over the output gradient; no taps where no window saw the pixels.
        spread: where the pixels lie.
        first: the filter's tap that the first tap of ``slide`` meets.
        steps: how many taps further the next one is, along each axis.
    """

    slide: Slide
    spread: Spread
    first: Three
    steps: Three


def phases(forward: Slide) -> Iterator[Phase]:
    """All phases of the stride, those too that no window saw."""
    axes = zip(
        forward.lengths,
        forward.taps,
        forward.strides,
        forward.dilations,
        forward.before,
        strict=True,
    )
    options = [list(_axis_phases(*axis)) for axis in axes]
    for chosen in every(*options):
        first, taps, dilations, before, counts, tap, steps = ((a, b, c) for a, b, c in zip(*chosen, strict=True))
        slide = Slide(forward.outputs, taps, (1, 1, 1), dilations, before, counts)
        yield Phase(slide, Spread(forward.lengths, first, forward.strides), tap, steps)


def _axis_phases(length: int, size: int, stride: int, dilation: int, before: int) -> Iterator[tuple[int, ...]]:
    """Along one axis: (phase, taps, dilation, padding before, pixels, first tap, step to the next tap).

    Pixel i = phase + S q is seen through tap f by output (i + P - f D) / S, where that is whole.
    """
    common = gcd(stride, dilation)
    for phase in range(min(stride, length)):
        taps = [f for f in range(size) if (phase + before - f * dilation) % stride == 0]
        pixels = (length - phase + stride - 1) // stride
        last = taps[-1] if taps else 0
        nearest = (phase + before - last * dilation) // stride
        yield phase, len(taps), dilation // common, -nearest, pixels, last, -(stride // common)


def pack(layer: Conv, x_shape: Shape, weight: int, packed: int) -> list[Call]:
    """Weights (F, C, groups*K) into panels, for :func:`forward`."""
    taps, depth, columns = sizes.sizes(layer, x_shape)
    total = taps * depth
    return pack_panels(weight, layer.filters, total, columns, layer.groups, sizes.depth_block(total), packed)


def pack_backward(layer: Conv, x_shape: Shape, weight: int, packed: int) -> list[Call]:
    """Weights into panels, transposed, phase after phase, for :func:`backward_data`."""
    size, columns, depth = sizes.sizes(layer, x_shape)
    if sizes.folds(layer, x_shape):
        one, block = (1, 1, 1), sizes.depth_block(depth)
        return pack_transposed(
            weight, layer.filters, 0, one, one, depth, size * columns, layer.groups, block, packed, 0
        )
    calls, row = [], 0
    forward = slide_of(layer, x_shape)
    # The taps' distances in rows of the weights (F*C, K).
    unit = columns * forward.taps[1] * forward.taps[2], columns * forward.taps[2], columns
    for phase in phases(forward):
        total = phase.slide.size * depth
        if total:
            first = sum(a * b for a, b in zip(phase.first, unit, strict=True))
            steps = phase.steps[0] * unit[0], phase.steps[1] * unit[1], phase.steps[2] * unit[2]
            calls += pack_transposed(
                weight,
                layer.filters,
                first,
                phase.slide.taps,
                steps,
                depth,
                columns,
                layer.groups,
                sizes.depth_block(total),
                packed,
                row,
            )
            row += total
    return calls


def forward(layer: Conv, x: Map, y: Map, packed: int, bias: int, bend: Bend, scratch: int) -> list[Call]:
    """Y = bend(x * weights + bias)."""
    _, depth, columns = sizes.sizes(layer, x.shape)
    slide = slide_of(layer, x.shape)
    return [
        outputs(slide, x, y, Spread(slide.outputs), packed, depth, columns, layer.groups, bias, bend, False, scratch)
    ]


def backward_data(layer: Conv, dy: Map, dx: Map, packed: int, add: bool, scratch: int) -> list[Call]:
    """Give dx, = or +=, the gradient that comes back through the weights."""
    _, columns, depth = sizes.sizes(layer, dx.shape)
    slide = slide_of(layer, dx.shape)
    if sizes.folds(layer, dx.shape):
        return [fold_gradient(slide, dy, dx, packed, layer.groups, add, scratch)]
    found = list(phases(slide))
    calls = [] if add or all(phase.slide.size for phase in found) else copying.zero(dx)
    row = 0
    for phase in found:
        slide = phase.slide
        if slide.size:
            groups, spread = layer.groups, phase.spread
            calls.append(outputs(slide, dy, dx, spread, packed, depth, columns, groups, 0, STRAIGHT, add, scratch, row))
            row += slide.size * depth
    return calls


def backward_weights(layer: Conv, x: Map, dy: Map, d_weight: int, scratch: int) -> list[Call]:
    """Give d_weight = the gradient for the weights."""
    _, depth, columns = sizes.sizes(layer, x.shape)
    return weight_gradient(slide_of(layer, x.shape), x, dy, d_weight, depth, columns, layer.groups, scratch)
