"""One picture file (PNG, JPEG or BMP) as a raw array, through Pillow."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from tatami.data.files import one_line, opened
from tatami.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
MAX_PIXELS = 2**26
"""The most pixels of one picture, 67 million: a few hundred bytes can declare any number of them."""

# What Pillow raises, besides OSError, on pictures that are damaged.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, struct.error, zlib.error, OverflowError)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture as uint8, grey (H, W, 1) or RGB (H, W, 3).

    It is turned upright where its EXIF says how the camera was held; 16-bit grey keeps its upper 8 bits; transparent
    pictures are laid on white; palettes and CMYK become RGB.

    Raises:
        DataError: the file is missing, damaged, of another format, or has more than :data:`MAX_PIXELS` pixels.
    """
    with opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged EXIF, and of sizes beyond Pillow's limit: ours is below it
        try:
            with Image.open(file, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise _too_large(path, f"{width}x{height}")
                image.load()
                pixels = _plain(ImageOps.exif_transpose(image))
        except Image.DecompressionBombError as error:
            raise _too_large(path, one_line(error)) from error
        except _DAMAGED as error:
            raise DataError(
                "not a readable picture",
                where=str(path),
                got=one_line(error),
                expected=f"a whole {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file",
            ) from error
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _plain(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels as (H, W) or (H, W, 3)."""
    if image.mode.startswith("I"):  # 16 bits a pixel, whatever Pillow's version calls them
        return (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return np.array(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def _too_large(path: Path, got: str) -> DataError:
    return DataError(
        "too many pixels",
        where=str(path),
        got=got,
        expected=f"at most {MAX_PIXELS:,} pixels",
        hint="the file may be a decompression bomb; otherwise make it smaller",
    )
