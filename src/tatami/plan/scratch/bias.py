"""Sums over the positions of a map for each channel, which is what a bias's gradient is: one partial sum for each part.

Dense maps of few channels are summed as if several positions were one, of as many channels, so that vectors are full.
"""

from __future__ import annotations

from math import gcd

_LANES = 16  # of a vector of float32; twice as many as of float64
_LONG = 128  # values of a row from which on masked vectors at its end cost nothing


def group(channels: int, is_dense: bool) -> int:
    """Positions that are summed as one."""
    if not is_dense or channels >= _LONG:
        return 1
    whole = _LANES // gcd(channels, _LANES)  # positions that fill vectors
    return whole * max(1, _LONG // (channels * whole))


def sums_scratch(channels: int, threads: int, itemsize: int) -> int:
    """Bytes of the partial sums: of each part in float64, and those of the last rows in the dtype."""
    return threads * slot(channels * group(channels, True), itemsize)


def slot(width: int, itemsize: int) -> int:
    """Bytes of one part's sums, of rows of ``width`` values."""
    size = width * (8 + itemsize)
    return (size + 63) // 64 * 64


def bias_scratch(channels: int, batch: int, threads: int, itemsize: int) -> int:
    """Bytes for the gradient of a bias of ``channels``."""
    return sums_scratch(channels, threads, itemsize)
