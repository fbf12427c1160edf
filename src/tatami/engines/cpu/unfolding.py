"""Unfolding, im2col: the windows of a map as the rows of a matrix (Chellapilla et al. 2006, section 3).

Row p of the matrix is what the window sees at output position p: F*F*C values, tap by tap, zeros where it sees padding.
Taps that are neighbours in memory are copied as one run. All maps are taken as (depth, height, width).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numba import njit

from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at
from tatami.engines.cpu.vector import lanes, load, load_some, store, store_some, zeros
from tatami.network.layers import Conv, Shape

Three = tuple[int, int, int]

WORDS = 20


@dataclass(frozen=True)
class Slide:
    """A window that slides over a map, each along (depth, height, width): sizes as in :class:`windows.Axis`."""

    lengths: Three
    taps: Three
    strides: Three
    dilations: Three
    before: Three
    outputs: Three

    @property
    def size(self) -> int:
        """Taps in all."""
        return self.taps[0] * self.taps[1] * self.taps[2]

    @property
    def is_identity(self) -> bool:
        """Whether output position p sees input position p, and nothing else."""
        return self.size == 1 and set(self.strides) == {1} and set(self.before) == {0} and self.lengths == self.outputs

    def words(self, x: Map, channels: int) -> tuple[int, ...]:
        """The geometry as :func:`unfold` takes it, for windows over ``channels`` of the channels of x."""
        together = self.taps[2] if self.dilations[2] == 1 and x.stride == channels else 1
        taps = (*self.taps[:2], self.taps[2] // together)
        where = (*self.lengths, *taps, *self.strides, *self.dilations, *self.before, *self.outputs)
        return (channels, together, *where)


def three(values: tuple[int, ...], fill: int) -> Three:
    """Sizes of one, two or three axes as those of three."""
    a, b, c = (*(fill,) * (3 - len(values)), *values)
    return a, b, c


def slide_of(layer: Conv, shape: Shape) -> Slide:
    """The windows of a convolution over an input of ``shape``."""
    axes = layer.window(shape).axes
    return Slide(
        three(tuple(axis.length for axis in axes), 1),
        three(tuple(axis.size for axis in axes), 1),
        three(tuple(axis.stride for axis in axes), 1),
        three(tuple(axis.dilation for axis in axes), 1),
        three(tuple(axis.before for axis in axes), 0),
        three(tuple(axis.output for axis in axes), 1),
    )


@njit(nogil=True, error_model="numpy")
def clear_run(target: Any, count: int) -> None:
    """Clear the target, ``count`` values."""
    nothing = zeros(target)
    width = lanes(target)
    i = 0
    while i + width <= count:
        store(target, i, nothing)
        i += width
    if i < count:
        store_some(target, i, nothing, count - i)


@njit(nogil=True, error_model="numpy")
def _copy_rows(source: Any, step: int, target: Any, pitch: int, rows: int, count: int) -> None:
    """``rows`` runs of ``count`` values, ``step`` apart in the source and ``pitch`` apart in the target."""
    width = lanes(source)
    if count <= width:
        for i in range(rows):
            store_some(target, i * pitch, load_some(source, i * step, count), count)
    elif count <= 2 * width:
        some = count - width
        for i in range(rows):
            store(target, i * pitch, load(source, i * step))
            store_some(target, i * pitch + width, load_some(source, i * step + width, some), some)
    else:
        whole, some = count // width * width, count % width
        for i in range(rows):
            a, b = at(source, i * step), at(target, i * pitch)
            for j in range(0, whole, width):
                store(b, j, load(a, j))
            if some:
                store_some(b, whole, load_some(a, whole, some), some)


@njit(nogil=True, error_model="numpy")
def unfold(
    x: Any, stride: int, shape: Any, first: int, count: int, begin: int, end: int, target: Any, pitch: int
) -> None:
    """Values [begin, end) of ``count`` rows from row ``first`` on, ``pitch`` apart; x of ``stride`` a position."""
    channels, together, D, H, W, _, taps_h, taps_w = shape[:8]
    step_d, step_h, step_w, far_d, far_h, far_w, before_d, before_h, before_w, _, out_h, out_w = shape[8:]
    out_d = shape[17]
    run = together * channels
    row = first
    while row < first + count:
        w = row % out_w
        h = row // out_w % out_h
        d = row // (out_w * out_h) % out_d
        sample = row // (out_w * out_h * out_d)
        line = min(out_w - w, first + count - row)  # rows of this line of the output
        out = at(target, (row - first) * pitch)
        i = begin
        while i < end:
            tap, low = i // run, i % run
            high = min(run, low + end - i)
            in_d = d * step_d - before_d + tap // (taps_w * taps_h) * far_d
            in_h = h * step_h - before_h + tap // taps_w % taps_h * far_h
            here = at(out, i - begin)
            if in_d < 0 or in_d >= D or in_h < 0 or in_h >= H:
                for j in range(line):
                    clear_run(at(here, j * pitch), high - low)
            else:
                source = at(x, ((sample * D + in_d) * H + in_h) * W * stride)
                in_w = w * step_w - before_w + tap % taps_w * far_w
                # Rows [left, right) see no padding in this run.
                left = min(line, max(0, (step_w - 1 - in_w) // step_w))
                right = left
                if W - together - in_w >= 0:
                    right = max(left, min(line, (W - together - in_w) // step_w + 1))
                where = in_w + left * step_w
                _copy_rows(
                    at(source, where * stride + low),
                    step_w * stride,
                    at(here, left * pitch),
                    pitch,
                    right - left,
                    high - low,
                )
                for j in range(line - (right - left)):
                    k = j if j < left else j + right - left
                    where = in_w + k * step_w
                    start = min(max(-where * channels, low), high)
                    stop = min(max((W - where) * channels, start), high)
                    edge = at(here, k * pitch)
                    clear_run(edge, start - low)
                    if stop > start:
                        _copy_rows(at(source, where * stride + start), 0, at(edge, start - low), 0, 1, stop - start)
                    clear_run(at(edge, stop - low), high - stop)
            i += high - low
        row += line
