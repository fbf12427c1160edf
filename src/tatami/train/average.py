"""An exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[Any]]
PREFIX = "ema."


class Average:
    """The average a of the weights w: a <- d * a + (1 - d) * w after each step.

    Early on the decay d is smaller, min(decay, (1 + t) / (10 + t)) at step t, so that the first weights are soon
    forgotten. Running statistics are averaged too. Source: Polyak & Juditsky 1992, Acceleration of Stochastic
    Approximation by Averaging; the warm-up is that of TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, decay: float, weights: Mapping[str, NDArray[Any]]) -> None:
        self.decay = decay
        self.weights: Weights = {name: tensor.copy() for name, tensor in weights.items()}

    def update(self, weights: Mapping[str, NDArray[Any]], step: int) -> None:
        """Take in the weights after step number ``step``."""
        share = 1 - min(self.decay, (1 + step) / (10 + step))
        for name, tensor in self.weights.items():
            tensor += np.asarray(share, tensor.dtype) * (weights[name] - tensor)

    def state(self) -> Weights:
        """The averages by ``ema.<name>``, for a weights file."""
        return {f"{PREFIX}{name}": tensor for name, tensor in self.weights.items()}
