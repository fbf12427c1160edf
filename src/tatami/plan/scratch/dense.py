"""Fully connected layers: how they are cut, and the memory that packed blocks take."""

from __future__ import annotations

from tatami.network.layers import Dense, Shape, product
from tatami.plan.scratch.unfolded import PANEL, rounded

FEW = 16  # samples up to which weights are read straight, at the speed of memory
STREAM = 16  # rows of the weights that are read at once then
BLOCK = 256  # depth and columns of the weights that are packed at once
_PASSING = 128 * 1024  # bytes of output gradients that may pass by for each ROWS rows of a weight gradient
ROWS = 12


def flat_bytes(x_shape: Shape, batch: int, itemsize: int) -> int:
    """A copy of the input as rows without gaps, for inputs that are slices of joined maps."""
    return rounded(batch * product(x_shape) * itemsize, 64) if len(x_shape) > 1 else 0


def passing_rows(samples: int, units: int, itemsize: int) -> int:
    """Rows of a weight gradient that are made at once: more, where more output gradients pass by for them."""
    return ROWS * max(1, min(16, samples * units * itemsize // _PASSING))


def read_rows(samples: int) -> int:
    """Rows of the weights that are read at once for the data gradient."""
    return 2 * ROWS if samples <= FEW else 8 * ROWS


def forward_scratch(layer: Dense, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """With few samples the output as it gathers, and some columns of the input; with many, packed weights."""
    few = (rounded(layer.units, PANEL) * min(batch, FEW) + threads * FEW * STREAM) * itemsize
    many = threads * BLOCK * BLOCK * itemsize if batch > FEW else 0
    return flat_bytes(x_shape, batch, itemsize) + max(few, many)


def backward_data_scratch(layer: Dense, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """The output gradients in panels, transposed; for each part a block of weights, and of the transposed result."""
    columns = rounded(batch, PANEL)
    panels = rounded(layer.units, 16) * columns * itemsize
    block = max(read_rows(1), read_rows(batch)) * (columns + BLOCK + 16) * itemsize
    return flat_bytes(x_shape, batch, itemsize) + panels + threads * block


def backward_weights_scratch(layer: Dense, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """The output gradients in panels."""
    return flat_bytes(x_shape, batch, itemsize) + batch * rounded(layer.units, PANEL) * itemsize
