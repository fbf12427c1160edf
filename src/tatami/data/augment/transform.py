"""What every transform is: a pure function of raw samples and of random numbers that it is given.

Letters: n samples, H and W pixels, L time steps, C channels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array
from tatami.errors import OptionError

Floats = NDArray[np.float64]


class Transform(ABC):
    """Base of the transforms, which are frozen dataclasses.

    A sample comes out of a batch as it would come out of any other: no transform looks from one sample at another.
    """

    @abstractmethod
    def draws(self, shape: tuple[int, ...]) -> int:
        """How many random numbers a sample of ``shape``, (H, W, C) or (L, C), takes."""

    @abstractmethod
    def __call__(self, x: Array, u: Floats) -> Array:
        """Transform a batch.

        Args:
            x: raw samples, uint8 or float32, (n, H, W, C) or (n, L, C); left as they are.
            u: numbers from [0, 1), (n, draws): the transform's only source of chance.

        Returns:
            Samples of the same dtype and shape.
        """

    @abstractmethod
    def __str__(self) -> str:
        """What it does, in a few words: ``rotate 10°``."""


def between(u: Floats, low: float, high: float) -> Floats:
    """Numbers evenly from [low, high)."""
    return low + u * (high - low)


def whole(u: Floats, low: int, high: int) -> NDArray[np.intp]:
    """Whole numbers from low to high, both of them included, each as often as another."""
    drawn: NDArray[np.intp] = np.minimum(low + np.floor(u * (high - low + 1)).astype(np.intp), high)
    return drawn


def as_type(values: NDArray[np.floating], dtype: np.dtype[Any]) -> Array:
    """Computed values in the samples' own dtype: rounded and clipped to 0 to 255 where that is uint8."""
    rounded = np.clip(np.rint(values), 0, 255) if dtype == np.uint8 else values
    typed: Array = rounded.astype(dtype, copy=False)
    return typed


def percent(share: float) -> str:
    """A share in words: ``90%``."""
    return f"{100 * share:g}%"


def need(transform: Transform, name: str, accepted: bool, expected: str) -> None:
    """Refuse the value of the field ``name`` unless it is accepted.

    Raises:
        OptionError: ``Crop: impossible pad; got -1; expected a whole number from 0``.
    """
    if not accepted:
        raise OptionError(
            f"impossible {name}", where=type(transform).__name__, got=getattr(transform, name), expected=expected
        )


def need_range(transform: Transform, name: str) -> None:
    """Refuse the field ``name`` unless it is a pair of positive numbers, the smaller one first."""
    low, high = getattr(transform, name)
    need(transform, name, 0 < low <= high < np.inf, "two positive numbers, the smaller one first")
