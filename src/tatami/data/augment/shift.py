"""Shifts of images by whole pixels."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.data.augment.frame import Fill, framed, windows
from tatami.data.augment.transform import Floats, Transform, need, whole
from tatami.data.dataset import Array


@dataclass(frozen=True)
class Shift(Transform):
    """Move each image by up to so many pixels, down or up and right or left.

    The first number drawn moves down (0 the most up, nearly 1 the most down), the second to the right.

    Attributes:
        pixels: the farthest.
        fill: what comes in: ``border``, the background's colour, or ``edge``, the outermost pixels repeated.
    """

    pixels: int
    fill: Fill = "border"

    def __post_init__(self) -> None:
        need(self, "pixels", self.pixels >= 0, "a whole number from 0")
        need(self, "fill", self.fill in ("border", "edge"), "border or edge")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 2

    def __call__(self, x: Array, u: Floats) -> Array:
        _, H, W, _ = x.shape
        down, right = whole(u.T, -self.pixels, self.pixels)
        return windows(framed(x, self.pixels, self.fill), self.pixels - down, self.pixels - right, H, W)

    def __str__(self) -> str:
        return f"shift {self.pixels}"
