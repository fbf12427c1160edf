"""Winograd convolutions, forward and for the gradient of the input (Lavin & Gray 2015, section 4).

The gradient of the input is a forward pass over the output's gradient, with filters rotated by half a turn, channels
and filters in each other's place, and padding F - 1 - P. How the work is cut into tiles, blocks and panels, and why in
two ways, is written in :mod:`tatami.plan.scratch.winograd`; that of the weights is in
:mod:`tatami.engines.cpu.winograd_weights`.
"""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import STRAIGHT, Bend, Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.vector import splat
from tatami.engines.cpu.winograd_products import multiply_panel
from tatami.engines.cpu.winograd_tiles import (
    GEOMETRY,
    ceiling,
    geometry,
    layout_of,
    next_place,
    panel_width,
    read_filters,
    read_inputs,
    tile_count,
    tile_place,
    transform_input,
)
from tatami.engines.cpu.winograd_transforms import output_tile
from tatami.engines.cpu.winograd_weights import backward_weights
from tatami.network.layers import Conv, Shape
from tatami.plan.scratch import winograd as plan
from tatami.plan.scratch.winograd import Cut

__all__ = ["backward_data", "backward_weights", "forward", "pack", "pack_backward"]

_PACKED_AT_ONCE = 32  # depths


@kernel
def pack_filters(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """U = G g G^T, in panels."""
    words = unpack(args, 25)
    channels, filters, products, pieces = words[4], words[9], words[17], words[20]
    weight, turned, packed, step = words[21:]
    width = panel_width(real)
    shares = ceiling(channels, _PACKED_AT_ONCE)
    first, last = share(ceiling(filters, width) * pieces * shares, part, parts)
    for item in range(first, last):
        panel, piece = item // (pieces * shares), item // shares % pieces
        begin = item % shares * _PACKED_AT_ONCE
        end = min(begin + _PACKED_AT_ONCE, channels)
        u = at(pointer(packed, real), panel * products * step + (piece * channels + begin) * width)
        read_filters(args, real, form, pointer(weight, real), turned, panel, piece, begin, end, u, step)


@compiled
def _multiply_all(
    args: Any,
    v: Any,
    step: int,
    row: int,
    u: Any,
    u_step: int,
    m: Any,
    m_step: int,
    panel: int,
    count: int,
    depth: int,
    add: bool,
) -> None:
    """M = or += V U for one panel and ``count`` tiles, all products, in pieces of DEPTH."""
    words = unpack(args, GEOMETRY)
    width = panel_width(v)
    filters = words[9] - panel * width
    for p in range(words[17]):
        for d in range(0, depth, plan.DEPTH):
            a, b = at(v, p * step + d), at(u, p * u_step + d * width)
            some = min(plan.DEPTH, depth - d)
            multiply_panel(a, row, 1, b, at(m, p * m_step), width, count, filters, some, add or d > 0)


@compiled
def _write_outputs(args: Any, real: Any, form: int, begin: int, count: int, panel: int, m: Any, step: int) -> None:
    """bend(A^T M A + bias) of ``count`` tiles and a panel's filters to the output; or added to it."""
    y, stride, height, width, filters = unpack(args, 10)[5:]
    bias, slope_word, cap_word, add = unpack(args, 25)[21:]
    slope, cap = real(real_number(slope_word)), real(real_number(cap_word))
    slopes, caps = splat(slope, real), splat(cap, real)
    all_ = panel_width(real)
    first = panel * all_
    base, b, row, some = at(pointer(y, real), first), at(pointer(bias, real), first), width * stride, filters - first
    some = min(some, all_)
    sample, top, left = tile_place(args, begin)
    for t in range(count):
        target = at(base, (sample * height + top) * row + left * stride)
        bottom, right = height - top, width - left
        source = at(m, t * all_)
        output_tile(form, source, step, b, bias != 0, slopes, caps, add != 0, target, row, stride, bottom, right, some)
        sample, top, left = next_place(args, sample, top, left)


@kernel
def forward_blocks(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """Each part takes blocks of tiles: transforms, products with packed filters, and transforms back."""
    words = unpack(args, 33)
    channels, filters, products, pieces = words[4], words[9], words[17], words[20]
    packed, u_step, scratch, size, most, row, step, m_step = words[25:]
    width = panel_width(real)
    tiles = tile_count(args, n)
    block = min(most, ceiling(tiles, parts))
    v = at(pointer(scratch, real), part * size)
    m = at(v, products * step)
    first, last = share(ceiling(tiles, block), part, parts)
    for begin in range(first * block, last * block, block):
        count = min(block, tiles - begin)
        read_inputs(args, real, form, n, begin, count + pieces - 1, 0, channels, v, step, row, 1)
        for panel in range(ceiling(filters, width)):
            u = at(pointer(packed, real), panel * products * u_step)
            for piece in range(pieces):
                a, b = at(v, piece * row), at(u, piece * channels * width)
                _multiply_all(args, a, step, row, b, u_step, m, m_step, panel, count, channels, piece > 0)
            _write_outputs(args, real, form, begin, count, panel, m, m_step)


@kernel
def forward_panels(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """Each part takes panels of filters, transforms them in slices, and meets groups of the chunk's tiles with them."""
    words = unpack(args, 37)
    channels, filters, products, pieces = words[4], words[9], words[17], words[20]
    weight, turned, v, begin, most, step, row, scratch, size, u_step, group, m_step = words[25:]
    count = min(most, tile_count(args, n) - begin)
    if count <= 0:
        return
    width = panel_width(real)
    panels = ceiling(filters, width)
    group = min(group, ceiling(count, min(count, ceiling(parts, panels))))
    groups = ceiling(count, group)
    u = at(pointer(scratch, real), part * size)
    m = at(u, products * u_step)
    first, last = share(panels * groups, part, parts)
    for item in range(first, last):
        panel, start = item // groups, item % groups * group
        some = min(group, count - start)
        for piece in range(pieces):
            for d in range(0, channels, plan.SLICE):
                end = min(d + plan.SLICE, channels)
                read_filters(args, real, form, pointer(weight, real), turned, panel, piece, d, end, u, u_step)
                a = at(pointer(v, real), (start + piece) * row + d)
                _multiply_all(args, a, step, row, u, u_step, m, m_step, panel, some, end - d, piece + d > 0)
        _write_outputs(args, real, form, begin + start, some, panel, m, m_step)


def _pack(cut: Cut, weight: int, turned: bool, packed: int, itemsize: int) -> list[Call]:
    if plan.in_panels(cut, itemsize):
        return []
    nowhere = Map(0, (), 0)
    step = layout_of(cut, 1, itemsize).packed_step
    return [Call(pack_filters.of(cut.form), (*geometry(cut, nowhere, nowhere), weight, turned, packed, step))]


def _convolve(
    cut: Cut,
    x: Map,
    y: Map,
    filters: int,
    turned: bool,
    bias: int,
    bend: Bend,
    add: bool,
    scratch: int,
    batch: int,
    itemsize: int,
) -> list[Call]:
    layout = layout_of(cut, batch, itemsize)
    here = geometry(cut, x, y)
    common = (*here, bias, float(bend.slope), float(bend.cap), int(add))
    if not plan.in_panels(cut, itemsize):
        block = layout.block
        sizes = (layout.part, block, layout.row, layout.step(block), layout.panel_step(block))
        return [Call(forward_blocks.of(cut.form), (*common, filters, layout.packed_step, scratch, *sizes))]
    own = scratch + layout.shared * itemsize
    sizes = (own, layout.part, layout.slice_step, layout.group, layout.panel_step(layout.group))
    calls = []
    for begin in range(0, batch * cut.tiles, layout.chunk):
        chunk = (scratch, begin, layout.chunk, layout.step(layout.chunk), layout.row)
        calls.append(Call(transform_input.of(cut.form), (*here, *chunk, 1)))
        calls.append(Call(forward_panels.of(cut.form), (*common, filters, int(turned), *chunk, *sizes)))
    return calls


def pack(layer: Conv, shape: Shape, weight: int, packed: int, itemsize: int, tile: int = 4) -> list[Call]:
    """Transform the filters for :func:`forward`, into ``packed_bytes``; no calls where those are 0."""
    return _pack(Cut.of(layer, shape, tile), weight, False, packed, itemsize)


def pack_backward(layer: Conv, shape: Shape, weight: int, packed: int, itemsize: int, tile: int = 4) -> list[Call]:
    """Transform the filters for :func:`backward_data`, into ``packed_backward_bytes``; ``shape`` is that of x."""
    return _pack(Cut.of(layer, shape, tile).backward, weight, True, packed, itemsize)


def forward(
    layer: Conv,
    x: Map,
    y: Map,
    filters: int,
    bias: int,
    bend: Bend,
    scratch: int,
    batch: int,
    itemsize: int,
    tile: int = 4,
) -> list[Call]:
    """Y = bend(conv(X) + b).

    Args:
        layer: a convolution to which :func:`tatami.plan.scratch.winograd.applies`.
        x: (H, W, C) or (L, C).
        y: (H', W', K) or (L', K).
        filters: address of what :func:`pack` made of the weights (F, F, C, K); of those themselves where
            ``packed_bytes`` are 0.
        bias: address of b (K,), 0 for none.
        bend: the activation.
        scratch: address of ``forward_scratch`` bytes.
        batch: the most samples.
        itemsize: bytes of a value.
        tile: m, one of :func:`tatami.plan.scratch.winograd.tiles`.
    """
    cut = Cut.of(layer, x.shape, tile)
    return _convolve(cut, x, y, filters, False, bias, bend, False, scratch, batch, itemsize)


def backward_data(
    layer: Conv,
    dy: Map,
    dx: Map,
    filters: int,
    add: bool,
    scratch: int,
    batch: int,
    itemsize: int,
    tile: int = 4,
) -> list[Call]:
    """The gradient of X: written to dX, or added to it.

    The arguments are those of :func:`forward`; ``filters`` from :func:`pack_backward`, ``scratch`` of
    ``backward_data_scratch`` bytes.
    """
    cut = Cut.of(layer, dx.shape, tile).backward
    return _convolve(cut, dy, dx, filters, True, 0, STRAIGHT, add, scratch, batch, itemsize)
