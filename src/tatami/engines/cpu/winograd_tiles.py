"""What the passes of a Winograd convolution share: single tiles between maps and the operands of the matrix products.

The first words of every kernel's arguments are the :func:`geometry`; ``args`` is handed on to the functions here. How
the operands lie in memory is written in :class:`tatami.plan.scratch.winograd.Layout`.
"""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.gemm import PANEL_VECTORS
from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import lanes
from tatami.engines.cpu.winograd_transforms import filter_tile, gradient_tile, input_tile, turn_tile
from tatami.plan.scratch.winograd import LINE, Cut, Layout

GEOMETRY = 21  # words


def geometry(cut: Cut, x: Map, y: Map) -> tuple[int, ...]:
    """The first arguments of every kernel: the maps at both ends, and how they are cut into tiles."""
    return (
        *(x.address, x.stride, cut.height, cut.width, cut.channels),
        *(y.address, y.stride, cut.out_height, cut.out_width, cut.filters),
        *(cut.top, cut.left, cut.form, *cut.tile, *cut.grid, cut.products, *cut.taps, cut.pieces),
    )


def layout_of(cut: Cut, batch: int, itemsize: int) -> Layout:
    """The layout for the panels of this processor."""
    return Layout(cut, itemsize, PANEL_VECTORS * LINE // itemsize, batch)


@compiled
def panel_width(real: Any) -> int:
    """Columns of a panel."""
    width: int = lanes(real) * PANEL_VECTORS
    return width


@compiled
def ceiling(count: int, size: int) -> int:
    """How many of ``size`` hold ``count``."""
    return (count + size - 1) // size


@compiled
def tile_count(args: Any, n: int) -> int:
    """Tiles of ``n`` samples."""
    words = unpack(args, 17)
    count: int = n * words[15] * words[16]
    return count


@compiled
def tile_place(args: Any, tile: int) -> tuple[int, int, int]:
    """Sample, and position of a tile's first output."""
    m_h, m_w, tiles_h, tiles_w = unpack(args, 17)[13:]
    sample = tile // (tiles_h * tiles_w)
    rest = tile - sample * tiles_h * tiles_w
    return sample, rest // tiles_w * m_h, rest % tiles_w * m_w


@compiled
def next_place(args: Any, sample: int, top: int, left: int) -> tuple[int, int, int]:
    """What :func:`tile_place` gives for the tile behind."""
    m_h, m_w, tiles_h, tiles_w = unpack(args, 17)[13:]
    left += m_w
    if left == tiles_w * m_w:
        left = 0
        top += m_h
        if top == tiles_h * m_h:
            top = 0
            sample += 1
    return sample, top, left


@compiled
def read_inputs(
    args: Any,
    real: Any,
    form: int,
    n: int,
    begin: int,
    count: int,
    first: int,
    last: int,
    v: Any,
    step: int,
    next_: int,
    spread: int,
) -> None:
    """B^T d B of ``count`` tiles, channels ``first`` to ``last``, to v[p * step + t * next_ + channel * spread].

    ``first`` is a multiple of the lanes; vectors stay as they are, also when they are spread. Tiles behind those of all
    ``n`` samples are 0.
    """
    x, stride, height, width, channels = unpack(args, 5)
    pad_top, pad_left = unpack(args, 12)[10:]
    base, row, some = at(pointer(x, real), first), width * stride, min(last, channels) - first
    sample, top, left = tile_place(args, begin)
    for t in range(count):
        y, z = top - pad_top, left - pad_left
        source, target = at(base, (sample * height + y) * row + z * stride), at(v, t * next_ + first * spread)
        bottom = height - y if sample < n else 0
        input_tile(form, source, row, stride, -y, bottom, -z, width - z, some, some, target, step, spread)
        sample, top, left = next_place(args, sample, top, left)


@compiled
def read_gradients(args: Any, real: Any, form: int, begin: int, count: int, panel: int, q: Any, step: int) -> None:
    """A dY A^T of ``count`` tiles, the filters of a panel, to q[p * step + t * width + filter]."""
    y, stride, height, width, filters = unpack(args, 10)[5:]
    all_ = panel_width(real)
    first = panel * all_
    base, row, some = at(pointer(y, real), first), width * stride, filters - first
    sample, top, left = tile_place(args, begin)
    for t in range(count):
        source, target = at(base, (sample * height + top) * row + left * stride), at(q, t * all_)
        gradient_tile(form, source, row, stride, 0, height - top, 0, width - left, some, all_, target, step, 1)
        sample, top, left = next_place(args, sample, top, left)


@compiled
def taps_of(args: Any, piece: int) -> int:
    """Taps along the last axis of a piece of the kernel."""
    words = unpack(args, GEOMETRY)
    m_w, width, pieces = words[14], words[19], words[20]
    rest: int = width - piece * m_w
    return min(rest, m_w) if piece < pieces - 1 else rest


@compiled
def read_filters(
    args: Any,
    real: Any,
    form: int,
    weight: Any,
    turned: int,
    panel: int,
    piece: int,
    first: int,
    last: int,
    u: Any,
    step: int,
) -> None:
    """G g G^T of a panel's filters, for the depths ``first`` to ``last``, to u[p * step + (depth - first) * width + k].

    ``g`` are the taps of one piece of the kernel. The weights are (taps, depth, filters); ``turned`` they are (taps,
    filters, depth) and rotated by half a turn, as the gradient of the input needs them.
    """
    words = unpack(args, GEOMETRY)
    channels, filters, m_w, high, wide = words[4], words[9], words[14], words[18], words[19]
    size, width = lanes(real), panel_width(real)
    here, begin = taps_of(args, piece), piece * m_w
    area = channels * filters
    column = panel * width
    some = filters - column
    if not turned:
        start = at(weight, begin * area)
        for d in range(first, last):
            source, target = at(start, d * filters + column), at(u, (d - first) * width)
            filter_tile(form, source, wide * area, area, 0, high, 0, here, some, width, target, step, 1)
        return
    for d in range(first, last, size):
        # The turned filters lie first where the transformed ones will: of those there are more, one for each product.
        place = at(u, (d - first) * width)
        for tap in range(high * here):
            target, source = at(place, tap * step), at(weight, (high * wide - 1 - begin - tap) * area + d)
            for k in range(0, width, size):
                turn_tile(at(source, (column + k) * channels), channels, some - k, last - d, at(target, k), width)
        for i in range(min(size, last - d)):
            one = at(place, i * width)
            filter_tile(form, one, here * step, step, 0, high, 0, here, width, width, one, step, 1)


@kernel
def transform_input(args: Any, real: Any, n: int, part: int, parts: int, form: int) -> None:
    """V of a chunk of tiles, and of those behind that it meets."""
    words = unpack(args, GEOMETRY)
    channels, pieces = words[4], words[20]
    v, begin, most, step, next_, spread = unpack(args, 27)[21:]
    count = min(most, tile_count(args, n) - begin)
    if count <= 0:
        return
    vectors = ceiling(channels, lanes(real))
    first, last = share((count + pieces - 1) * vectors, part, parts)
    while first < last:
        tile, vector = first // vectors, first % vectors
        some = min(vectors - vector, last - first)
        channel = vector * lanes(real)
        target = at(pointer(v, real), tile * next_)
        end = channel + some * lanes(real)
        read_inputs(args, real, form, n, begin + tile, 1, channel, end, target, step, next_, spread)
        first += some
