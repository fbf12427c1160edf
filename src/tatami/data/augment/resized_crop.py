"""Crops of random size, brought back to the image's size.

Letters: n samples, H and W pixels, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data.augment.bilinear import bilinear
from tatami.data.augment.transform import Floats, Transform, between, need, need_range, percent
from tatami.data.dataset import Array


@dataclass(frozen=True)
class ResizedCrop(Transform):
    """Cut a part of each image, of random area and aspect ratio, and stretch it to the whole size.

    Source: Szegedy et al. 2015, Going Deeper with Convolutions, section 6: 8% to 100% of the area, ratio 3/4 to 4/3.

    Attributes:
        area: smallest and largest share of the area.
        ratio: smallest and largest factor between the relative width and the relative height.
    """

    area: tuple[float, float] = (0.35, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        need_range(self, "area")
        need(self, "area", self.area[1] <= 1, "shares of at most 1")
        need_range(self, "ratio")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 4

    def __call__(self, x: Array, u: Floats) -> Array:
        _, H, W, _ = x.shape
        area = between(u[:, 0], *self.area)
        low, high = self.ratio
        ratio = low * (high / low) ** u[:, 1]
        height = np.minimum(np.sqrt(area / ratio), 1)  # share of H
        width = np.minimum(np.sqrt(area * ratio), 1)  # share of W
        rows = _stretched(u[:, 2], height, H)[:, :, None]  # (n, H, 1)
        columns = _stretched(u[:, 3], width, W)[:, None, :]  # (n, 1, W)
        return bilinear(x, rows, columns, "edge")

    def __str__(self) -> str:
        low, high = self.area
        return f"crop of {percent(low)} to {percent(high)}"


def _stretched(u: Floats, share: Floats, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Where the centres of ``size`` pixels come from along one axis, (n, size): a part of it, begun at random."""
    start = u * (1 - share) * size
    return (start[:, None] + (np.arange(size) + 0.5) * share[:, None] - 0.5).astype(np.float32)
