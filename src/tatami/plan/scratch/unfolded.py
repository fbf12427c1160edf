"""Convolutions as products of matrices: how they are cut into blocks, and the memory that the blocks take.

D is the depth of a product: values that a window sees, taps times channels of a group. K is its columns.
"""

from __future__ import annotations

from tatami.network.layers import Conv, Shape, product
from tatami.network.layers.windows import Axis

PANEL = 32  # columns of a panel at most; see tatami.engines.cpu.gemm
ROWS = 12  # rows of a tile at most
_DEPTH = 288  # a panel of so many rows of 128 bytes leaves room for rows of A in a first cache of 48 KB
_BLOCK = 768 * 1024  # bytes of a block of rows and of its products, well within a second cache
_SLOT = 1 << 20  # bytes of a weight gradient from which on the parts do not each sum their own
PIXELS = 256  # depth of a product for weight gradients
COLUMNS = 512  # of the output gradient that are packed at once


def rounded(size: int, unit: int) -> int:
    """The next multiple of ``unit``."""
    return -(-size // unit) * unit


def depth_block(depth: int) -> int:
    """The depth that is multiplied at once: equal parts, whole cache lines."""
    parts = -(-depth // _DEPTH)
    return min(depth, rounded(-(-depth // parts), 16))


def pitch(depth: int) -> int:
    """Values from one row of an unfolded block to the next: no power of two, which would crowd the cache's sets."""
    return rounded(depth_block(depth), 16) + 16


def row_block(depth: int, columns: int, itemsize: int) -> int:
    """Rows that are unfolded and multiplied at once."""
    rows = _BLOCK // (itemsize * (pitch(depth) + rounded(columns, PANEL)))
    return max(4 * ROWS, min(20 * ROWS, rows // ROWS * ROWS))


def block_bytes(depth: int, columns: int, itemsize: int) -> int:
    """Scratch of one part: a block of rows, and its products before they are put in their places."""
    return row_block(depth, columns, itemsize) * (pitch(depth) + rounded(columns, PANEL)) * itemsize


def packed_size(depth: int, columns: int, groups: int, itemsize: int) -> int:
    """Bytes of ``groups`` matrices (depth, columns) in panels."""
    return rounded(groups * depth * rounded(columns, PANEL) * itemsize, 64)


def sizes(layer: Conv, x_shape: Shape) -> tuple[int, int, int]:
    """(taps, input channels of a group, filters of a group)."""
    return product(layer.kernel_size), x_shape[-1] // layer.groups, layer.filters // layer.groups


def packed_bytes(layer: Conv, x_shape: Shape, itemsize: int) -> int:
    """The weights in panels."""
    taps, depth, columns = sizes(layer, x_shape)
    return packed_size(taps * depth, columns, layer.groups, itemsize)


def packed_backward_bytes(layer: Conv, x_shape: Shape, itemsize: int) -> int:
    """The transposed weights in panels: each tap belongs to one phase of the stride (see the engine's file)."""
    taps, columns, depth = sizes(layer, x_shape)
    if folds(layer, x_shape):
        return packed_size(depth, taps * columns, layer.groups, itemsize)
    return packed_size(taps * depth, columns, layer.groups, itemsize) + 64 * taps


def forward_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """A block for each part."""
    taps, depth, columns = sizes(layer, x_shape)
    return threads * block_bytes(taps * depth, columns, itemsize)


def backward_data_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """A block for each part, as large as any phase of the stride needs."""
    taps, columns, depth = sizes(layer, x_shape)
    if folds(layer, x_shape):
        return threads * fold_rows(taps * columns, itemsize) * fold_pitch(taps * columns) * itemsize
    return threads * max(block_bytes(some * depth, columns, itemsize) for some in range(1, taps + 1))


def folds(layer: Conv, x_shape: Shape) -> bool:
    """Whether the data gradient is cheaper by folding: in cycles for a value of dY, as measured.

    A vector of products takes half a cycle; unfolding a value 0.15, folding one, which reads and writes, 0.4.
    """
    taps, columns, depth = sizes(layer, x_shape)
    axes = layer.window(x_shape).axes
    # What the phases of the stride multiply, padding too: pixels times the taps that see them.
    products = product(tuple(_products(axis) for axis in axes))
    by_phases = products * depth * (rounded(columns, 16) / 32 + 0.15)
    windows = product(tuple(axis.output for axis in axes))
    by_folding = windows * taps * columns * (depth / 32 + 0.4)
    return taps > 1 and by_folding < 0.8 * by_phases


def _products(axis: Axis) -> int:
    """Pixels along an axis, each as often as taps meet it or padding beside it."""
    taps = [0] * axis.stride
    for f in range(axis.size):
        taps[(f * axis.dilation - axis.before) % axis.stride] += 1
    return sum(count * len(range(phase, axis.length, axis.stride)) for phase, count in enumerate(taps))


def fold_pitch(columns: int) -> int:
    """Values from one row of windows' gradients to the next."""
    return rounded(columns, 16) + 16


def fold_rows(columns: int, itemsize: int) -> int:
    """Windows whose gradients are made at once."""
    return max(ROWS, min(10 * ROWS, _BLOCK // (itemsize * fold_pitch(columns)) // ROWS * ROWS))


def sums_by_part(depth: int, filters: int, groups: int, threads: int, itemsize: int) -> bool:
    """Whether each part sums a weight gradient over its share of the pixels, rather than a share of it over all."""
    return depth * filters * itemsize <= _SLOT or groups * depth < 2 * ROWS * threads


def slots_bytes(depth: int, filters: int, groups: int, threads: int, itemsize: int) -> int:
    """Bytes of the sums of all parts but the first, which sums into the gradient itself."""
    if not sums_by_part(depth, filters, groups, threads, itemsize):
        return 0
    return rounded((threads - 1) * depth * filters * itemsize, 64)


def gradient_block_bytes(depth: int, columns: int, itemsize: int) -> int:
    """Scratch of one part: unfolded pixels, and output gradients in panels."""
    return PIXELS * (pitch(depth) + min(rounded(columns, PANEL), COLUMNS)) * itemsize


def backward_weights_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """The parts' sums and a block for each part."""
    taps, depth, columns = sizes(layer, x_shape)
    slots = slots_bytes(taps * depth, layer.filters, layer.groups, threads, itemsize)
    return slots + threads * gradient_block_bytes(taps * depth, columns, itemsize)
