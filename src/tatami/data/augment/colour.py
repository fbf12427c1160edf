"""Other light: brightness, contrast and saturation.

Letters: n samples, H and W pixels, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data.augment.transform import Floats, Transform, as_type, between, need
from tatami.data.dataset import Array

# Of red, green and blue in how bright a pixel looks: ITU-R BT.601, as in Pillow's conversion to grey.
LUMA = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Colour(Transform):
    """Change the saturation (RGB only), then the contrast about the image's mean, then the brightness.

    Source: Howard 2013, Some Improvements on Deep CNN Based Image Classification, section 2.2. There the three come in
    random order and brightness is a factor, too; a sum needs no value that is black, which float images may not have.

    Attributes:
        brightness: the most that is added or taken, as a share of the range of values: of 255 for uint8, else of
            the distance from the image's smallest value to its largest.
        contrast: factors from 1 less this to 1 more this.
        saturation: likewise.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            need(self, name, 0 <= getattr(self, name) <= 1, "a number from 0 to 1")

    def draws(self, shape: tuple[int, ...]) -> int:
        return 3

    def __call__(self, x: Array, u: Floats) -> Array:
        n, H, W, C = x.shape
        pixels = x.astype(np.float32).reshape(n, H * W, C)
        more = _of_each(between(u[:, 0], -self.brightness, self.brightness)) * _range(pixels, x.dtype == np.uint8)
        contrast = _of_each(between(u[:, 1], 1 - self.contrast, 1 + self.contrast))
        grey = pixels.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
        if C == 3 and self.saturation:
            saturation = _of_each(between(u[:, 2], 1 - self.saturation, 1 + self.saturation))
            red, green, blue = np.array(LUMA, np.float32)
            luma = red * pixels[..., :1] + green * pixels[..., 1:2] + blue * pixels[..., 2:]  # (n, H * W, 1)
            pixels -= luma
            pixels *= saturation
            pixels += luma
            # Saturation keeps every pixel's luma, so the mean luma is what contrast may turn about.
            grey = luma.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
        pixels -= grey
        pixels *= contrast
        pixels += grey + more
        return as_type(pixels, x.dtype).reshape(x.shape)

    def __str__(self) -> str:
        parts = [f"{name} {getattr(self, name):g}" for name in self.__dataclass_fields__ if getattr(self, name)]
        return ", ".join(parts) or "brightness 0"


def _range(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float32]], is_bytes: bool) -> Array:
    """The range of values of each image, that broadcasts to (n, H * W, C)."""
    if is_bytes:
        return np.full((1, 1, 1), 255, np.float32)
    found: Array = np.ptp(pixels, axis=(1, 2), keepdims=True)
    return found


def _of_each(values: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """One number an image, (n, 1, 1)."""
    return values.astype(np.float32)[:, None, None]
