"""Depthwise convolutions: partial sums of the weight gradient for each part."""

from __future__ import annotations

from tatami.network.layers import Conv, DepthwiseConv, Shape, product
from tatami.plan.scratch.unfolded import rounded


def applies(layer: Conv, shape: Shape) -> bool:
    """Whether each filter sees one channel."""
    return isinstance(layer, DepthwiseConv)


def packed_bytes(layer: Conv, x_shape: Shape, itemsize: int) -> int:
    """None: weights are used as they are."""
    return 0


def packed_backward_bytes(layer: Conv, x_shape: Shape, itemsize: int) -> int:
    """None."""
    return 0


def forward_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """None."""
    return 0


def backward_data_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """None."""
    return 0


def slot(values: int, itemsize: int) -> int:
    """Bytes of one part's sums of so many weights: all of them, and those of the last lines."""
    return rounded(2 * values * itemsize, 64)


def backward_weights_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """A slot for each part."""
    return threads * slot(product(layer.kernel_size) * layer.filters, itemsize)
