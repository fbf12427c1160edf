"""How many values each layer moves between the chip and its memory, for one sample, with caches that hold a window.

Each function gives the values read and written by the forward pass, then by the backward pass. X is the input, Y the
output; dX and dY are their gradients.
"""

from __future__ import annotations

from functools import singledispatch

from tatami.network.layers import (
    Add,
    BatchNorm,
    Concat,
    Flatten,
    GlobalAveragePool,
    Input,
    Layer,
    Multiply,
    Pool,
    Shape,
    Shuffle,
    Slice,
    product,
)


@singledispatch
def moved(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Element-wise layers: read X, write Y; back, read dY and what was kept of X or Y, write dX."""
    x, y = _sizes(inputs, output)
    return x + y, y + x + x


@moved.register
def _input(layer: Input, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """The batch is there already."""
    return 0, 0


@moved.register
def _flatten(layer: Flatten, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Another view of the same values."""
    return 0, 0


@moved.register
def _batch_norm(layer: BatchNorm, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """In training, read X for the statistics, then read X and write Y.

    Back, read dY and X for the sums, then read both again and write dX (Ioffe & Szegedy 2015, section 3).
    """
    x, y = _sizes(inputs, output)
    return x + x + y, 2 * (y + x) + x


@moved.register
def _pool(layer: Pool, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Read X, write Y; back, read dY, and for a maximum also X, to find where it was; write dX."""
    x, y = _sizes(inputs, output)
    return x + y, y + x + (x if layer.kind == "max" else 0)


@moved.register
def _mean(layer: GlobalAveragePool, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Nothing is kept."""
    x, y = _sizes(inputs, output)
    return x + y, y + x


@moved.register(Concat)
@moved.register(Shuffle)
def _copy(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Copied forward and back."""
    x, y = _sizes(inputs, output)
    return x + y, y + x


@moved.register
def _slice(layer: Slice, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Read its channels only; back, write all of dX, zeros elsewhere."""
    x, y = _sizes(inputs, output)
    return y + y, y + x


@moved.register
def _add(layer: Add, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Read each X, write Y; back, dY itself is every dX."""
    x, y = _sizes(inputs, output)
    return x + y, 0


@moved.register
def _multiply(layer: Multiply, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Read each X, write Y; back, for each dX read dY and the other inputs."""
    x, y = _sizes(inputs, output)
    return x + y, len(inputs) * y + (len(inputs) - 1) * x + x


def _sizes(inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    return sum(map(product, inputs)), product(output)
