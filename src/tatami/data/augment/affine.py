"""Rotation, scale and shear in one resampling.

Letters: n samples, H and W pixels, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data.augment.bilinear import bilinear
from tatami.data.augment.frame import Fill
from tatami.data.augment.transform import Floats, Transform, between, need, need_range
from tatami.data.dataset import Array


@dataclass(frozen=True)
class Affine(Transform):
    """Shear, scale and turn each image about its centre, and look it up bilinearly, once for all three.

    Source: Simard, Steinkraus & Platt 2003, Best Practices for CNNs Applied to Visual Document Analysis, section 2.

    Attributes:
        rotate: degrees, at most, to either side; a draw of nearly 1 turns counterclockwise.
        scale: smallest and largest factor; drawn by its logarithm, so that half is as likely as double.
        shear: degrees, at most, by which upright lines lean to either side.
        fill: what is seen outside: ``border``, the background's colour, or ``edge``, the outermost pixels repeated.
    """

    rotate: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float = 0.0
    fill: Fill = "border"

    def __post_init__(self) -> None:
        need(self, "rotate", 0 <= self.rotate <= 180, "degrees from 0 to 180")
        need_range(self, "scale")
        need(self, "shear", 0 <= self.shear <= 60, "degrees from 0 to 60")
        need(self, "fill", self.fill in ("border", "edge"), "border or edge")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 3

    def __call__(self, x: Array, u: Floats) -> Array:
        _, H, W, _ = x.shape
        angle = np.radians(between(u[:, 0], -self.rotate, self.rotate))
        low, high = self.scale
        factor = low * (high / low) ** u[:, 1]
        lean = np.tan(np.radians(between(u[:, 2], -self.shear, self.shear)))
        # Backwards, from where a pixel ends up to where it comes from: turned back, shrunk back, then straightened.
        cos, sin = np.cos(angle) / factor, np.sin(angle) / factor
        middle_row, middle_column = np.float32((H - 1) / 2), np.float32((W - 1) / 2)
        row = np.arange(H, dtype=np.float32)[:, None] - middle_row  # (H, 1)
        column = np.arange(W, dtype=np.float32) - middle_column  # (W,)
        rows = _of_each(cos) * row + _of_each(sin) * column  # (n, H, W)
        columns = _of_each(-sin - lean * cos) * row + _of_each(cos - lean * sin) * column  # (n, H, W)
        rows += middle_row
        columns += middle_column
        return bilinear(x, rows, columns, self.fill)

    def __str__(self) -> str:
        low, high = self.scale
        parts = [
            f"rotate {self.rotate:g}°" if self.rotate else "",
            f"scale {low:g}-{high:g}" if self.scale != (1, 1) else "",
            f"shear {self.shear:g}°" if self.shear else "",
        ]
        return ", ".join(filter(None, parts)) or "rotate 0°"


def _of_each(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """One number an image, (n, 1, 1)."""
    return values.astype(np.float32)[:, None, None]
