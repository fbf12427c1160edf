"""Convolutions of 1x1: products of the map itself, unless a stride leaves pixels out."""

from __future__ import annotations

from tatami.network.layers import Conv, Shape, product
from tatami.plan.scratch import unfolded
from tatami.plan.scratch.unfolded import packed_backward_bytes, packed_bytes

__all__ = [
    "applies",
    "backward_data_scratch",
    "backward_weights_scratch",
    "forward_scratch",
    "packed_backward_bytes",
    "packed_bytes",
]


def applies(layer: Conv, shape: Shape) -> bool:
    """Whether it is a convolution of 1x1 over all channels, without padding."""
    window = layer.window(shape)
    return product(layer.kernel_size) == 1 and layer.groups == 1 and not any(map(any, window.padding))


def is_dense(layer: Conv) -> bool:
    """Whether each pixel is seen."""
    return set(layer.stride) == {1}


def forward_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """None, but for strides."""
    return 0 if is_dense(layer) else unfolded.forward_scratch(layer, x_shape, batch, threads, itemsize)


def backward_data_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """None, but for strides."""
    return 0 if is_dense(layer) else unfolded.backward_data_scratch(layer, x_shape, batch, threads, itemsize)


def backward_weights_scratch(layer: Conv, x_shape: Shape, batch: int, threads: int, itemsize: int) -> int:
    """As for any product."""
    return unfolded.backward_weights_scratch(layer, x_shape, batch, threads, itemsize)
