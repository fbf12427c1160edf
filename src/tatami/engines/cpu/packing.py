"""Matrices packed into the panels that :mod:`tatami.engines.cpu.gemm` multiplies by.

A matrix (D, K) is cut into blocks of ``depth_block`` rows, each packed on its own, so that a panel fits in the first
cache; block i begins at i * depth_block * K', where K' is K rounded up to whole panels. A call packs the matrices of
all groups of a convolution.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.gemm import PANEL_VECTORS
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.unfolding import Three
from tatami.engines.cpu.vector import lanes, load, load_some, store, transpose, zeros


def pack(source: int, stride: int, depth: int, columns: int, groups: int, depth_block: int, target: int) -> list[Call]:
    """Pack B[d, k] of group g, which lies at source + d*stride + g*columns + k elements."""
    return [Call(packed, (source, stride, depth, columns, groups, depth_block, target))]


def pack_transposed(
    source: int,
    stride: int,
    first: int,
    taps: Three,
    steps: Three,
    depth: int,
    columns: int,
    groups: int,
    depth_block: int,
    target: int,
    rows_before: int,
) -> list[Call]:
    """Pack B[t*depth + d, k] of group g, which lies at source + (tap + k) * stride + g*depth + d elements.

    tap = ``first`` + the sum of t * step along the three axes of ``taps``, in rows of ``stride``. The panels lie behind
    others, of ``rows_before`` rows for each group.
    """
    cut = (depth, columns, groups, depth_block, target, rows_before)
    return [Call(packed_transposed, (source, stride, first, *taps, *steps, *cut))]


@njit(nogil=True, error_model="numpy")
def pack_rows(source: Any, stride: int, rows: int, columns: int, target: Any) -> None:
    """Panels of a block (rows, columns) whose rows lie ``stride`` apart."""
    width, full = lanes(source) * PANEL_VECTORS, lanes(source)
    for top in range(0, rows, 8):
        bottom = min(top + 8, rows)
        for first in range(0, columns, width):
            some = min(width, columns - first)
            a, b = at(source, first), at(target, first * rows)
            if some == width:
                for row in range(top, bottom):
                    for i in range(0, width, full):
                        store(b, row * width + i, load(a, row * stride + i))
            else:
                for row in range(top, bottom):
                    for i in range(0, width, full):
                        store(b, row * width + i, load_some(a, row * stride + i, some - i))


@njit(nogil=True, error_model="numpy")
def pack_columns(source: Any, stride: int, rows: int, columns: int, target: Any) -> None:
    """One panel (rows, PANEL) of a block whose column k begins at source + k*stride."""
    width, full = lanes(source) * PANEL_VECTORS, lanes(source)
    for i in range(0, width, full):
        if i < columns:
            for row in range(0, rows, full):
                a, b = at(source, i * stride + row), at(target, row * width + i)
                transpose(a, stride, b, width, columns - i, rows - row)
        else:
            for row in range(rows):
                store(target, row * width + i, zeros(target))


@kernel
def packed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`pack`; the parts share the blocks."""
    source, stride, depth, columns, groups, depth_block, target = unpack(args, 7)
    source, target = pointer(source, real), pointer(target, real)
    width = lanes(real) * PANEL_VECTORS
    panels = (columns + width - 1) // width
    # Few columns at a time, for parts to share what is one block deep.
    some = min(panels, 4)
    pieces = (panels + some - 1) // some
    blocks = (depth + depth_block - 1) // depth_block
    first, last = share(groups * blocks * pieces, part, parts)
    for item in range(first, last):
        group, block, panel = item // (blocks * pieces), item // pieces % blocks, item % pieces * some
        d, k = block * depth_block, panel * width
        rows = min(depth_block, depth - d)
        a = at(source, d * stride + group * columns + k)
        b = at(target, (group * depth + d) * panels * width + k * rows)
        pack_rows(a, stride, rows, min(some * width, columns - k), b)


@kernel
def packed_transposed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """See :func:`pack_transposed`; the parts share the panels."""
    (
        source,
        stride,
        first_tap,
        taps_d,
        taps_h,
        taps_w,
        step_d,
        step_h,
        step_w,
        depth,
        columns,
        groups,
        depth_block,
        target,
        before,
    ) = unpack(args, 15)
    source, target = pointer(source, real), pointer(target, real)
    width = lanes(real) * PANEL_VECTORS
    panels = (columns + width - 1) // width
    target = at(target, before * groups * panels * width)
    total = taps_d * taps_h * taps_w * depth
    blocks = (total + depth_block - 1) // depth_block
    first, last = share(groups * blocks * panels, part, parts)
    for item in range(first, last):
        group, block, k = item // (blocks * panels), item // panels % blocks, item % panels * width
        begin = block * depth_block
        end = min(begin + depth_block, total)
        panel = at(target, (group * total + begin) * panels * width + k * (end - begin))
        i = begin
        while i < end:
            tap, low = i // depth, i % depth
            high = min(depth, low + end - i)
            d, h, w = tap // (taps_w * taps_h), tap // taps_w % taps_h, tap % taps_w
            row = first_tap + d * step_d + h * step_h + w * step_w + k
            a = at(source, row * stride + group * depth + low)
            pack_columns(a, stride, high - low, min(width, columns - k), at(panel, (i - begin) * width))
            i += high - low
