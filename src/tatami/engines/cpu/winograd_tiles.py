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
    return lanes(real) * PANEL_VECTORS


@compiled
def ceiling(count: int, size: int) -> int:
    """How many of ``size`` hold ``count``."""
    return (count + size - 1) // size


@compiled
def tile_count(args: Any, n: int) -> int:
    """Tiles of ``n`` samples."""
    words = unpack(args, 17)
    return n * words[15] * words[16]


@compiled
def tile_place(args: Any, tile: int) -> tuple[int, int, int]:
    """Sample, and position of a tile's first output."""
    m_h, m_w, tiles_h, tiles_w = unpack(args, 17)[13:]
    sample = tile // (tiles_h * tiles_w)
    rest = tile - sample * tiles_h * tiles_w
    return sample, rest // tiles_w * m_h, rest % tiles_w * m_w


@compiled
def read_input(args: Any, real: Any, tile: int, first: int, last: int, v: Any, step: int) -> None:
    """B^T d B of a tile's input, channels ``first`` to ``last``, to v[p * step + channel]."""
    x, stride, height, width, channels = unpack(args, 5)
    pad_top, pad_left, form = unpack(args, 13)[10:]
    sample, top, left = tile_place(args, tile)
    top -= pad_top
    left -= pad_left
    row = width * stride
    base = at(pointer(x, real), sample * height * row + top * row + left * stride)
    bottom, right = height - top, width - left
    for c in range(first, last, lanes(real)):
        input_tile(form, at(base, c), row, stride, -top, bottom, -left, right, channels - c, at(v, c), step)


@compiled
def read_gradient(args: Any, real: Any, tile: int, panel: int, q: Any, step: int) -> None:
    """A dY A^T of a tile's output gradient, the filters of a panel, to q[p * step + filter]."""
    y, stride, height, width, filters, _, _, form = unpack(args, 13)[5:]
    sample, top, left = tile_place(args, tile)
    first = panel * panel_width(real)
    row = width * stride
    base = at(pointer(y, real), sample * height * row + top * row + left * stride + first)
    bottom, right = height - top, width - left
    for k in range(0, panel_width(real), lanes(real)):
        gradient_tile(form, at(base, k), row, stride, 0, bottom, 0, right, filters - first - k, at(q, k), step)


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
    if not turned:
        for d in range(first, last):
            for k in range(0, width, size):
                source, some = at(weight, d * filters + column + k), filters - column - k
                filter_tile(form, source, 3 * area, area, 0, 3, 0, 3, some, at(u, (d - first) * width + k), step)
        return
    for d in range(first, last, size):
        # The turned filters lie first where the transformed ones will: of those there are more, one for each product.
        place = at(u, (d - first) * width)
        for tap in range(taps):
            target = at(place, (taps - 1 - tap) * step)
            for k in range(0, width, size):
                source = at(weight, tap * area + (column + k) * channels + d)
                turn_tile(source, channels, filters - column - k, last - d, at(target, k), width)
        for i in range(min(size, last - d)):
            for k in range(0, width, size):
                here = at(place, i * width + k)
                filter_tile(form, here, 3 * step, step, 0, 3, 0, 3, size, here, step)


@kernel
def transform_input(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """V of a chunk of tiles."""
    channels = unpack(args, 5)[4]
    v, begin, most, row, step = unpack(args, 23)[18:]
    count = min(most, tile_count(args, n) - begin)
    vectors = ceiling(channels, lanes(real))
    first, last = share(max(count, 0) * vectors, part, parts)
    while first < last:
        tile, vector = first // vectors, first % vectors
        some = min(vectors - vector, last - first)
        channel = vector * lanes(real)
        target = at(pointer(v, real), tile * row)
        read_input(args, real, begin + tile, channel, channel + some * lanes(real), target, step)
        first += some
