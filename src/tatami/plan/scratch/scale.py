"""SCALE: partial sums of the gradient of its weight."""

from __future__ import annotations

from tatami.plan.scratch.bias import sums_scratch


def scale_scratch(channels: int, batch: int, threads: int, itemsize: int) -> int:
    """Bytes for the gradient of a scale of ``channels``."""
    return sums_scratch(channels, threads, itemsize)
