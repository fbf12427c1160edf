"""Padding that PyTorch's own layers cannot express: uneven, or as wide as a pooling window.

It becomes a module before the layer's, which makes a padded copy of the input.
"""

from __future__ import annotations

import math

from torch import nn

from tatami.network.layers import Conv, Layer, Pool, Shape
from tatami.network.layers.windows import Axis, Window

Pairs = tuple[tuple[int, int], ...]


def own_padding(layer: Conv | Pool, shape: Shape) -> tuple[tuple[int, ...], bool]:
    """The padding that the layer's module does by itself, for each axis, and whether it rounds its output size up.

    Args:
        layer: a sliding window.
        shape: of its input.
    """
    window = layer.window(shape)
    if explicit_padding(layer, window) is not None:
        return (0,) * len(window.axes), False
    return tuple(axis.before for axis in window.axes), any(axis.before != axis.after for axis in window.axes)


def padding_module(layer: Layer, shape: Shape) -> nn.Module | None:
    """The module that pads before ``layer``; None where its own module does it all."""
    if not isinstance(layer, (Conv, Pool)):
        return None
    pairs = explicit_padding(layer, layer.window(shape))
    if pairs is None:
        return None
    is_maximum = isinstance(layer, Pool) and layer.kind == "max"
    kind = (nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d)[len(pairs) - 1]
    # The last axis comes first.
    return kind(tuple(n for pair in pairs[::-1] for n in pair), -math.inf if is_maximum else 0.0)


def explicit_padding(layer: Conv | Pool, window: Window) -> Pairs | None:
    """(before, after) along each axis where a padded copy is needed; None where the layer's own module does it all.

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
