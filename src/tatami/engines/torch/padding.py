"""Padding that PyTorch's own layers cannot express becomes a module before the layer's: a padded copy of the input.

Which that is says :mod:`tatami.plan.padding`.
"""

from __future__ import annotations

import math

from torch import nn

from tatami.network.layers import Conv, Layer, Pool, Shape
from tatami.plan.padding import explicit_padding


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
