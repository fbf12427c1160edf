"""Folding, col2im: the gradients of all windows added up where the windows lie; the way back of unfolding.

The data gradient is dY W^T, a row for each window, folded. It multiplies no padding, which pays where maps are small or
channels few (:func:`tatami.plan.scratch.unfolded.folds`). A part takes whole samples, so no two write the same place.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.extending import register_jitable

from tatami.engines.cpu.gemm import PANEL_VECTORS, multiply
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.unfolding import WORDS, Slide, clear_run
from tatami.engines.cpu.vector import lanes, load, load_some, store, store_some
from tatami.plan.scratch import unfolded as sizes

for _size in (sizes.rounded, sizes.fold_pitch, sizes.fold_rows):
    register_jitable(_size)  # compiled functions may call it too


def fold_gradient(slide: Slide, dy: Map, dx: Map, packed: int, groups: int, add: bool, scratch: int) -> Call:
    """Give dx, = or +=, the windows' gradients, by weights that are packed as a matrix (K, taps * C) for each group."""
    depth, channels = dy.channels // groups, dx.channels // groups
    head = (dy.address, dy.stride, packed, dx.address, dx.stride, depth, groups, sizes.depth_block(depth))
    return Call(folded, (*head, slide.size * channels, int(add), scratch, *slide.words(dx, channels)))


@njit(nogil=True, error_model="numpy")
def _add_run(source: Any, target: Any, count: int) -> None:
    """Target += source."""
    width = lanes(source)
    i = 0
    while i + width <= count:
        store(target, i, load(target, i) + load(source, i))
        i += width
    if i < count:
        store_some(target, i, load_some(target, i, count - i) + load_some(source, i, count - i), count - i)


@njit(nogil=True, error_model="numpy")
def _fold(block: Any, pitch: int, first: int, count: int, x: Any, stride: int, shape: Any) -> None:
    """Add rows [first, first + count) of one sample's windows to its gradient x."""
    channels, together, D, H, W, taps_d, taps_h, taps_w = shape[:8]
    step_d, step_h, step_w, far_d, far_h, far_w, before_d, before_h, before_w, _, out_h, out_w = shape[8:]
    run = together * channels
    for row in range(first, first + count):
        w, h, d = row % out_w, row // out_w % out_h, row // (out_w * out_h)
        source = at(block, (row - first) * pitch)
        for e in range(taps_d):
            in_d = d * step_d - before_d + e * far_d
            for f in range(taps_h):
                in_h = h * step_h - before_h + f * far_h
                if 0 <= in_d < D and 0 <= in_h < H:
                    line = at(x, (in_d * H + in_h) * W * stride)
                    in_w = w * step_w - before_w
                    for g in range(taps_w):
                        start = min(max(-in_w, 0), together)
                        stop = max(start, min(W - in_w, together))
                        some = at(source, ((e * taps_h + f) * taps_w + g) * run + start * channels)
                        _add_run(some, at(line, (in_w + start) * stride), (stop - start) * channels)
                        in_w += far_w


@kernel
def folded(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`fold_gradient`. The parts share the samples."""
    dy, ys, panels, dx, xs, depth, groups, depth_block, columns, add, scratch = unpack(args, 11)
    shape = unpack(at(args, 11), WORDS)
    dy, dx, panels = pointer(dy, real), pointer(dx, real), pointer(panels, real)
    channels, pixels, rows = shape[0], shape[2] * shape[3] * shape[4], shape[17] * shape[18] * shape[19]
    width, itemsize = lanes(real) * PANEL_VECTORS, 64 // lanes(real)
    wide = (columns + width - 1) // width * width
    pitch, most = sizes.fold_pitch(columns), sizes.fold_rows(columns, itemsize)
    block = pointer(scratch + part * most * pitch * itemsize, real)
    first, last = share(n, part, parts)
    for sample in range(first, last):
        x = at(dx, sample * pixels * xs)
        if not add:
            if xs == channels * groups:
                clear_run(x, pixels * xs)
            else:
                for pixel in range(pixels):
                    clear_run(at(x, pixel * xs), channels * groups)
        for group in range(groups):
            for row in range(0, rows, most):
                count = min(most, rows - row)
                for d in range(0, depth, depth_block):
                    deep = min(depth_block, depth - d)
                    a = at(dy, (sample * rows + row) * ys + group * depth + d)
                    b = at(panels, (group * depth + d) * wide)
                    multiply(a, ys, 1, b, block, pitch, count, columns, deep, d > 0)
                _fold(block, pitch, row, count, at(x, group * channels), xs, shape)
