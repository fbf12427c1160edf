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

GEOMETRY = 18  # words


def geometry(cut: Cut, x: Map, y: Map) -> tuple[int, ...]:
    """The first arguments of every kernel: the maps at both ends, and how they are cut into tiles."""
    return (
        *(x.address, x.stride, cut.height, cut.width, cut.channels),
        *(y.address, y.stride, cut.out_height, cut.out_width, cut.filters),
        *(cut.top, cut.left, cut.form, *cut.tile, *cut.grid, cut.products),
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
    args: Any, real: Any, begin: int, count: int, first: int, last: int, v: Any, step: int, next_: int, spread: int
) -> None:
    """B^T d B of ``count`` tiles, channels ``first`` to ``last``, to v[p * step + t * next_ + channel * spread].

    ``first`` is a multiple of the lanes; vectors stay as they are, also when they are spread.
    """
    x, stride, height, width, channels = unpack(args, 5)
    pad_top, pad_left, form = unpack(args, 13)[10:]
    base, row, some = at(pointer(x, real), first), width * stride, min(last, channels) - first
    sample, top, left = tile_place(args, begin)
    for t in range(count):
        y, z = top - pad_top, left - pad_left
        source, target = at(base, (sample * height + y) * row + z * stride), at(v, t * next_ + first * spread)
        input_tile(form, source, row, stride, -y, height - y, -z, width - z, some, some, target, step, spread)
        sample, top, left = next_place(args, sample, top, left)


@compiled
def read_gradients(args: Any, real: Any, begin: int, count: int, panel: int, q: Any, step: int) -> None:
    """A dY A^T of ``count`` tiles, the filters of a panel, to q[p * step + t * width + filter]."""
    y, stride, height, width, filters, _, _, form = unpack(args, 13)[5:]
    all_ = panel_width(real)
    first = panel * all_
    base, row, some = at(pointer(y, real), first), width * stride, filters - first
    sample, top, left = tile_place(args, begin)
    for t in range(count):
        source, target = at(base, (sample * height + top) * row + left * stride), at(q, t * all_)
        gradient_tile(form, source, row, stride, 0, height - top, 0, width - left, some, all_, target, step, 1)
        sample, top, left = next_place(args, sample, top, left)


@compiled
def read_filters(
    args: Any, real: Any, weight: Any, turned: int, panel: int, first: int, last: int, u: Any, step: int
) -> None:
    """G g G^T of a panel's filters, for the depths ``first`` to ``last``, to u[p * step + (depth - first) * width + k].

    The weights are (taps, depth, filters); ``turned`` they are (taps, filters, depth) and rotated by half a turn, as
    the gradient of the input needs them.
    """
    channels, filters, form, m_h = unpack(args, 5)[4], unpack(args, 10)[9], unpack(args, 13)[12], unpack(args, 14)[13]
    size, width = lanes(real), panel_width(real)
    taps = 9 if m_h > 1 else 3
    area = channels * filters
    column = panel * width
    some = filters - column
    if not turned:
        for d in range(first, last):
            source, target = at(weight, d * filters + column), at(u, (d - first) * width)
            filter_tile(form, source, 3 * area, area, 0, 3, 0, 3, some, width, target, step, 1)
        return
    for d in range(first, last, size):
        # The turned filters lie first where the transformed ones will: of those there are more, one for each product.
        place = at(u, (d - first) * width)
        for tap in range(taps):
            target = at(place, (taps - 1 - tap) * step)
            for k in range(0, width, size):
                source = at(weight, tap * area + (column + k) * channels + d)
                turn_tile(source, channels, some - k, last - d, at(target, k), width)
        for i in range(min(size, last - d)):
            here = at(place, i * width)
            filter_tile(form, here, 3 * step, step, 0, 3, 0, 3, width, width, here, step, 1)


@kernel
def transform_input(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """V of a chunk of tiles."""
    channels = unpack(args, 5)[4]
    v, begin, most, step, next_, spread = unpack(args, 24)[18:]
    count = min(most, tile_count(args, n) - begin)
    vectors = ceiling(channels, lanes(real))
    first, last = share(max(count, 0) * vectors, part, parts)
    while first < last:
        tile, vector = first // vectors, first % vectors
        some = min(vectors - vector, last - first)
        channel = vector * lanes(real)
        target = at(pointer(v, real), tile * next_)
        end = channel + some * lanes(real)
        read_inputs(args, real, begin + tile, 1, channel, end, target, step, next_, spread)
        first += some
