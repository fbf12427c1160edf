"""Arrays as small pictures: grey maps, diverging maps, mosaics, each a PNG in a ``data:`` address.

Letters: H and W pixels, C channels.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Values = NDArray[np.floating[Any]]

MAP_SIDE, SAMPLE_SIDE = 96, 224
"""Longest side of a map's and of a sample's picture in pixels; smaller ones stay as they are."""

BLUE, WHITE, RED = (33, 92, 160), (246, 246, 244), (178, 36, 44)
"""Below 0, 0 and above 0 in diverging maps: told apart with any kind of colour vision."""

LEVELS = 32  # of each side of a diverging map: enough for the eye, and the palette stays small


@dataclass(frozen=True)
class Scale:
    """What the colours of maps stand for: the least and the largest value that they show together."""

    low: float
    high: float

    @classmethod
    def of(cls, values: NDArray[Any]) -> Scale:
        """The scale of all of ``values``; what is not finite does not count."""
        finite = values[np.isfinite(values)]
        return cls(float(finite.min()), float(finite.max())) if finite.size else cls(0.0, 0.0)

    @classmethod
    def over(cls, arrays: Iterable[NDArray[Any]]) -> Scale:
        """The scale of several arrays together."""
        each = [cls.of(values) for values in arrays]
        return cls(min(one.low for one in each), max(one.high for one in each))

    @property
    def signed(self) -> bool:
        """Whether it takes a diverging map: some values are below 0."""
        return self.low < 0

    @property
    def most(self) -> float:
        """The largest magnitude."""
        return max(abs(self.low), abs(self.high))


def map_address(values: Values, scale: Scale) -> str:
    """A map (H, W): grey from black for 0 to white, or blue, white, red where the scale is signed."""
    return address(map_image(values, scale))


def map_image(values: Values, scale: Scale, side: int = MAP_SIDE) -> Image.Image:
    """As :func:`map_address`, as an image."""
    shares = shrunk(np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0), side)
    shares = shares / scale.most if scale.most > 0 else shares
    if not scale.signed:
        return Image.fromarray((255 * shares.clip(0, 1)).round().astype(np.uint8))
    image = Image.fromarray((LEVELS + LEVELS * shares.clip(-1, 1)).round().astype(np.uint8)).copy()
    image.putpalette(PALETTE.tobytes())
    return image


def sample_image(raw: NDArray[Any], side: int = SAMPLE_SIDE) -> Image.Image:
    """A sample (H, W, C), uint8 or floats, which are stretched from black to white; of odd depths the first channel."""
    pixels = raw if raw.shape[-1] == 3 else raw[..., 0]
    if pixels.dtype != np.uint8:
        values = np.nan_to_num(pixels.astype(np.float64), posinf=0.0, neginf=0.0)
        low, high = values.min(), values.max()
        pixels = ((values - low) * (255 / (high - low) if high > low else 0.0)).round().astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((side, side), Image.Resampling.BOX)
    return image


def overlay_image(raw: NDArray[Any], values: Values) -> Image.Image:
    """A sample in grey under a map (H, W): red where it is above 0, blue where below, the stronger the farther."""
    grey = np.asarray(sample_image(raw).convert("L"), np.float64)[..., None]
    most = Scale.of(values).most or 1.0
    share = np.asarray(Image.fromarray((values / most).astype(np.float32)).resize(grey.shape[1::-1]))[..., None]
    strength = 0.8 * np.abs(share)
    colour = np.where(share > 0, np.array(RED, np.float64), np.array(BLUE, np.float64))
    return Image.fromarray((grey * (1 - strength) + colour * strength).clip(0, 255).round().astype(np.uint8))


def mosaic(tiles: Values) -> NDArray[np.float64]:
    """Tiles (H, W, C) beside and below one another as nearly a square, a line of NaN between them."""
    height, width, count = tiles.shape
    across = math.ceil(math.sqrt(count * height / width))
    down = -(-count // across)
    laid = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for i in range(count):
        top, left = (i // across) * (height + 1), (i % across) * (width + 1)
        laid[top : top + height, left : left + width] = tiles[..., i]
    return laid


def colour_image(values: Values, scale: Scale) -> Image.Image:
    """Values (H, W, 3) in their colours: grey for 0, a channel full at the scale's largest magnitude."""
    return Image.fromarray((127.5 + 127.5 * values / scale.most).clip(0, 255).round().astype(np.uint8))


def shrunk(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """A map (H, W) of at most ``side`` pixels a side, by means."""
    if max(values.shape) <= side:
        return values
    factor = side / max(values.shape)
    size = max(1, round(values.shape[1] * factor)), max(1, round(values.shape[0] * factor))
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BOX), np.float64)


def address(image: Image.Image) -> str:
    """An image as the address of a PNG that holds it."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _palette() -> NDArray[np.uint8]:
    share = np.linspace(-1, 1, 2 * LEVELS + 1)[:, None]
    ends = np.where(share > 0, np.array(RED), np.array(BLUE))
    colours: NDArray[np.uint8] = (np.array(WHITE) * (1 - abs(share)) + ends * abs(share)).round().astype(np.uint8)
    return colours


PALETTE = _palette()
"""(levels, 3): the colours of a diverging map, from the lowest."""
