"""Signals of another pace or another beginning.

Letters: n samples, L time steps, C channels, K knots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data.augment.curve import curve
from tatami.data.augment.linear import linear
from tatami.data.augment.transform import Floats, Transform, between, need, percent, whole
from tatami.data.dataset import Array


@dataclass(frozen=True)
class TimeWarp(Transform):
    """Run through each signal at a pace that changes smoothly, from its beginning to its end.

    Source: Um et al. 2017, Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring using CNNs,
    section 4.1. The pace follows a curve whose values are positive, so time never runs backwards.

    Attributes:
        strength: how far from 1 the pace goes at most, before all is stretched to the length that was; under 1.
        knots: of the pace, K, at least 2.
    """

    strength: float
    knots: int = 4

    def __post_init__(self) -> None:
        need(self, "strength", 0 <= self.strength < 1, "a number from 0 and under 1")
        need(self, "knots", self.knots >= 2, "a whole number from 2")

    def draws(self, shape: tuple[int, ...]) -> int:
        return self.knots

    def __call__(self, x: Array, u: Floats) -> Array:
        n, L, _ = x.shape
        if L == 1:
            return x.copy()
        pace = 1 + curve(between(u, -self.strength, self.strength), L - 1)  # (n, L - 1), one a step
        at = np.zeros((n, L))
        at[:, 1:] = np.cumsum(pace, axis=1)
        at *= (L - 1) / at[:, -1:]
        return linear(x, at)

    def __str__(self) -> str:
        return f"time warp {percent(self.strength)}"


@dataclass(frozen=True)
class WindowSlice(Transform):
    """Cut a slice of each signal, begun at random, and stretch it to the whole length.

    Source: Le Guennec, Malinowski & Tavenard 2016, Data Augmentation for Time Series Classification using CNNs,
    section 3.1: slices of 90%; stretching as in their window warping keeps the length that the network wants.

    Attributes:
        share: of the length, that the slice has.
    """

    share: float = 0.9

    def __post_init__(self) -> None:
        need(self, "share", 0 < self.share <= 1, "a number above 0 and at most 1")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 1

    def __call__(self, x: Array, u: Floats) -> Array:
        L = x.shape[1]
        return linear(x, u * ((1 - self.share) * (L - 1)) + np.arange(L) * self.share)  # (n, L)

    def __str__(self) -> str:
        return f"slices of {percent(self.share)}"


@dataclass(frozen=True)
class TimeShift(Transform):
    """Delay or advance each signal by up to so many whole steps; its first or last value is held.

    Attributes:
        steps: the farthest; a draw of nearly 1 delays the most.
    """

    steps: int

    def __post_init__(self) -> None:
        need(self, "steps", self.steps >= 0, "a whole number from 0")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 1

    def __call__(self, x: Array, u: Floats) -> Array:
        L = x.shape[1]
        at = np.clip(np.arange(L) - whole(u, -self.steps, self.steps), 0, L - 1)  # (n, L)
        return np.take_along_axis(x, at[..., None], axis=1)

    def __str__(self) -> str:
        return f"shift {self.steps} steps"
