"""Mirror images."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.data.augment.transform import Floats, Transform
from tatami.data.dataset import Array


@dataclass(frozen=True)
class Flip(Transform):
    """Mirror every other image, by chance: left for right, and if wanted also top for bottom.

    Source: Krizhevsky, Sutskever & Hinton 2012, ImageNet Classification with Deep CNNs, section 4.1.

    Attributes:
        vertical: whether images are turned upside down as well, as seen from above nothing has an upright.
    """

    vertical: bool = False

    def draws(self, shape: tuple[int, ...]) -> int:
        return 2

    def __call__(self, x: Array, u: Floats) -> Array:
        out = x.copy()
        mirrored = u[:, 0] < 0.5
        out[mirrored] = out[mirrored][:, :, ::-1]
        if self.vertical:
            turned = u[:, 1] < 0.5
            out[turned] = out[turned][:, ::-1]
        return out

    def __str__(self) -> str:
        return "flip in both directions" if self.vertical else "flip left and right"
