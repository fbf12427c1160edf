"""SCALE: a learned factor for each channel.

In the shape comments: N samples, C channels, * any spatial sizes.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import Scale


@run.register
def scale(layer: Scale, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Y = weight * X, for each channel."""
    (X,) = inputs  # (N, *, C)
    weight = weights["weight"]  # (C,)

    def backward(dY: Array) -> Gradients:
        axes = tuple(range(dY.ndim - 1))
        return (dY * weight,), {"weight": np.sum(dY * X, axis=axes)}  # (N, *, C), (C,)

    return weight * X, backward
