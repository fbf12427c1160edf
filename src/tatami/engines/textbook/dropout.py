"""DROPOUT: values set to zero at random while training."""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import Dropout


@run.register
def dropout(layer: Dropout, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Y = X * mask / (1 - rate), the mask 1 with probability 1 - rate (Srivastava et al. 2014, section 10)."""
    (X,) = inputs
    if not mode.training:
        return X, lambda dY: ((dY,), {})
    # In float32 for each dtype, so that a float64 model drops the same values.
    mask = mode.random().random(X.shape, np.float32) >= layer.rate
    kept = 1 - layer.rate

    def backward(dY: Array) -> Gradients:
        return (dY * mask / kept,), {}

    return X * mask / kept, backward
