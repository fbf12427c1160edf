"""A square of each image hidden.

Letters: n samples, H and W pixels, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data.augment.transform import Floats, Transform, as_type, need, whole
from tatami.data.dataset import Array


@dataclass(frozen=True)
class Cutout(Transform):
    """Paint a square of each image in its mean colour; any pixel may be the square's centre, so part may lie outside.

    Source: DeVries & Taylor 2017, Improved Regularization of CNNs with Cutout, section 3.2. There the square is 0 after
    standardising, which is the mean of the data; here it is the mean of the image.

    Attributes:
        size: pixels of its side.
    """

    size: int

    def __post_init__(self) -> None:
        need(self, "size", self.size >= 0, "a whole number from 0")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 2

    def __call__(self, x: Array, u: Floats) -> Array:
        n, H, W, C = x.shape
        mean = x.reshape(n, H * W, C).astype(np.float64).mean(axis=1)  # (n, C)
        rows = _covered(whole(u[:, 0], 0, H - 1), self.size, H)[:, :, None]  # (n, H, 1)
        columns = _covered(whole(u[:, 1], 0, W - 1), self.size, W)[:, None, :]  # (n, 1, W)
        return np.where((rows & columns)[..., None], as_type(mean, x.dtype)[:, None, None, :], x)

    def __str__(self) -> str:
        return f"cutout {self.size}"


def _covered(centre: np.ndarray[tuple[int, ...], np.dtype[np.intp]], side: int, size: int) -> Array:
    """Which of ``size`` places along one axis lie in the square, bool (n, size)."""
    start = (centre - side // 2)[:, None]
    place = np.arange(size)
    return (place >= start) & (place < start + side)
