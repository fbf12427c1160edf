"""Padding that PyTorch's layers cannot do by themselves: uneven, or wider than half a pooling window.

It is laid around the input before, as a copy.
"""

from __future__ import annotations

from typing import TypeAlias

from tatami.network.layers import Conv, Pool
from tatami.network.layers.windows import Axis, Window

Pairs: TypeAlias = tuple[tuple[int, int], ...]


def explicit_padding(layer: Conv | Pool, window: Window) -> Pairs | None:
    """(before, after) along each axis where a padded copy is needed; None where the layer's own operator does it all.

    A maximum over a window that stands out behind the input alone needs none: it rounds its output size up.
    """
    even = all(axis.before == axis.after for axis in window.axes)
    if isinstance(layer, Conv):
        return None if even else window.padding
    narrow = all(axis.before <= axis.size // 2 for axis in window.axes)  # as PyTorch's pooling has it
    if narrow and (even or (layer.kind == "max" and all(_rounded_up(axis) == axis.output for axis in window.axes))):
        return None
    return window.padding


def _rounded_up(axis: Axis) -> int:
    """Output size of ``ceil_mode``: no window begins behind the input and its padding before."""
    output = -(-(axis.length + 2 * axis.before - axis.size) // axis.stride) + 1
    return output - ((output - 1) * axis.stride >= axis.length + axis.before)
