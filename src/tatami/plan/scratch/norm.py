"""BN, LN, LRN: partial sums of each part, numbers for each channel, rows of values."""

from __future__ import annotations

from tatami.plan.scratch.bias import group, slot

TABLES = 5
"""Rows of numbers for each channel that the batch norm kernels read: mean, scale, shift, and two for the gradient."""

_PAD = 64  # bytes of a vector


def statistics_values(channels: int) -> int:
    """Values that batch norm keeps of a batch: mean, inverse deviation and variance of each channel."""
    return 3 * channels


def batch_norm_scratch(channels: int, batch: int, threads: int, itemsize: int) -> int:
    """Bytes for either pass of batch norm: tables, and for each part two sums and the shift of each channel."""
    width = channels * group(channels, True)
    return _aligned(TABLES * width * itemsize) + threads * (slot(2 * width, itemsize) + _aligned(width * itemsize))


def batch_norm_inference_scratch(channels: int, batch: int, threads: int, itemsize: int) -> int:
    """Bytes for batch norm with running statistics: the tables."""
    return _aligned(TABLES * channels * group(channels, True) * itemsize)


def layer_norm_scratch(channels: int, batch: int, threads: int, itemsize: int) -> int:
    """Bytes for the backward pass of layer norm: two sums of each part for each channel."""
    return threads * slot(2 * channels, itemsize)


def response_norm_scratch(size: int, channels: int, batch: int, threads: int, itemsize: int) -> int:
    """Bytes for the backward pass of LRN over ``size`` channels: four rows of each part."""
    return threads * 4 * response_norm_row(size, channels, itemsize)


def response_norm_row(size: int, channels: int, itemsize: int) -> int:
    """Bytes of a row of channels with zeros on both sides, as far as a vector reaches."""
    return _aligned((channels + size - 1) * itemsize) + 2 * _PAD


def _aligned(size: int) -> int:
    return (size + _PAD - 1) // _PAD * _PAD
