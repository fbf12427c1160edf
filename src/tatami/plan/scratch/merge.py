"""MUL: the sums of the gradient of a vector that multiplies a map."""

from __future__ import annotations

from tatami.plan.scratch.bias import slot

COLUMNS = 256
"""Channels that a thread sums at once."""


def multiply_scratch(batch: int, threads: int, itemsize: int) -> int:
    """Bytes for the gradient of one input."""
    return threads * slot(COLUMNS, itemsize)
