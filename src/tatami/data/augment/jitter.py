"""Noise on signals.

Letters: n samples, L time steps, C channels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tatami.data.augment.transform import Floats, Transform, as_type, need
from tatami.data.dataset import Array
from tatami.data.draws import even, normal


@dataclass(frozen=True)
class Jitter(Transform):
    """Add normal noise to every value, in proportion to the std of its channel in its signal.

    Source: Um et al. 2017, Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring using CNNs,
    section 4.1.

    Attributes:
        strength: std of the noise, as a share of the signal's.
    """

    strength: float

    def __post_init__(self) -> None:
        need(self, "strength", 0 <= self.strength < math.inf, "a number from 0")

    def draws(self, shape: tuple[int, ...]) -> int:
        return even(math.prod(shape))

    def __call__(self, x: Array, u: Floats) -> Array:
        noise = normal(u)[:, : x[0].size].reshape(x.shape)
        spread = x.astype(np.float64).std(axis=1, keepdims=True)  # (n, 1, C)
        return as_type(x + noise * (self.strength * spread), x.dtype)

    def __str__(self) -> str:
        return f"jitter {percent_of(self.strength)}"


def percent_of(strength: float) -> str:
    """``3% of the std``."""
    return f"{100 * strength:g}% of the std"
