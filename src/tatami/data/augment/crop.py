"""Crops of an enlarged image: the objects' place does not matter."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.data.augment.frame import Fill, framed, windows
from tatami.data.augment.transform import Floats, Transform, need, whole
from tatami.data.dataset import Array


@dataclass(frozen=True)
class Crop(Transform):
    """Pad images on each side, then cut a window of the old size at random.

    Source: He et al. 2015, Deep Residual Learning, section 4.2: "4 pixels are padded on each side, and a 32x32 crop is
    randomly sampled"; zeros there, the picture's own pixels here.

    Attributes:
        pad: pixels on each side.
        fill: ``reflect``, ``edge`` or ``border``, as in ``frame.framed``; where an image is too small to reflect that
            much, the edge is repeated.
    """

    pad: int
    fill: Fill = "reflect"

    def __post_init__(self) -> None:
        need(self, "pad", self.pad >= 0, "a whole number from 0")
        need(self, "fill", self.fill in ("reflect", "edge", "border"), "reflect, edge or border")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 2

    def __call__(self, x: Array, u: Floats) -> Array:
        _, H, W, _ = x.shape
        fill: Fill = "edge" if self.fill == "reflect" and self.pad >= min(H, W) else self.fill
        top, left = whole(u.T, 0, 2 * self.pad)
        return windows(framed(x, self.pad, fill), top, left, H, W)

    def __str__(self) -> str:
        return f"crop with {self.pad} more pixels a side"
