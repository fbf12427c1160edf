"""Signals of another strength: by one factor, or by a factor that drifts.

Letters: n samples, L time steps, C channels, K knots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tatami.data.augment.curve import curve
from tatami.data.augment.transform import Floats, Transform, as_type, between, need, percent
from tatami.data.dataset import Array
from tatami.data.draws import even, normal


@dataclass(frozen=True)
class Scaling(Transform):
    """Multiply each channel of each signal by a factor of its own, from the normal distribution about 1.

    Source: Um et al. 2017 (see ``jitter.py``), section 4.1.

    Attributes:
        strength: std of the factors.
    """

    strength: float

    def __post_init__(self) -> None:
        need(self, "strength", 0 <= self.strength < math.inf, "a number from 0")

    def draws(self, shape: tuple[int, ...]) -> int:
        return even(shape[-1])

    def __call__(self, x: Array, u: Floats) -> Array:
        factor = 1 + self.strength * normal(u)[:, None, : x.shape[-1]]  # (n, 1, C)
        return as_type(x * factor, x.dtype)

    def __str__(self) -> str:
        return f"scaling {percent(self.strength)}"


@dataclass(frozen=True)
class MagnitudeWarp(Transform):
    """Multiply each channel of each signal by a smooth curve about 1.

    Source: Um et al. 2017 (see ``jitter.py``), section 4.1; splines through normal knots there, eased lines through
    even ones here.

    Attributes:
        strength: how far from 1 the curve goes at most.
        knots: K, at least 2.
    """

    strength: float
    knots: int = 4

    def __post_init__(self) -> None:
        need(self, "strength", 0 <= self.strength < math.inf, "a number from 0")
        need(self, "knots", self.knots >= 2, "a whole number from 2")

    def draws(self, shape: tuple[int, ...]) -> int:
        return self.knots * shape[-1]

    def __call__(self, x: Array, u: Floats) -> Array:
        n, L, C = x.shape
        drift = curve(between(u, -self.strength, self.strength).reshape(n * C, self.knots), L)  # (n * C, L)
        return as_type(x * (1 + np.swapaxes(drift.reshape(n, C, L), 1, 2)), x.dtype)

    def __str__(self) -> str:
        return f"magnitude warp {percent(self.strength)}"
