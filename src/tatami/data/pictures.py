"""One picture file as a raw array, through Pillow, and pictures brought to one size and depth.

Letters: H and W pixels, C channels.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from tatami.data.dataset import Array
from tatami.data.files import one_line, opened
from tatami.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MAX_PIXELS = 2**26
"""The most pixels of one picture, 67 million: a few hundred bytes can declare any number of them."""

# What Pillow raises, besides OSError, on pictures that are damaged.
_DAMAGED = (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, struct.error, zlib.error, OverflowError)

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)  # orientations that change height for width (EXIF 2.3, 4.6.4, tag 274)
_MODES = {1: "L", 3: "RGB"}


@dataclass(frozen=True)
class Header:
    """What a picture will be once it is read: its size upright, and 1 channel for grey or 3 for RGB."""

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.height, self.width, self.channels


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back Pillow's warnings, about damaged EXIF or sizes beyond its own limit, in every thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def recognises(path: Path) -> bool:
    """Whether a path is a file with the name of a picture."""
    return path.is_file() and path.suffix.lower() in SUFFIXES


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a picture as uint8, grey (H, W, 1) or RGB (H, W, 3).

    It is turned upright where its EXIF says how the camera was held; 16-bit grey keeps its upper 8 bits; transparent
    pictures are laid on white; palettes and CMYK become RGB; of several frames the first is read.

    Raises:
        DataError: the file is missing, damaged, of another format, or has more than :data:`MAX_PIXELS` pixels.
    """
    with opened(path) as file, quiet():
        return decode_picture(file, str(path))


def decode_picture(file: IO[bytes] | bytes, where: str) -> NDArray[np.uint8]:
    """Read a picture as :func:`read_picture` does, from its bytes; to be called within :func:`quiet`."""
    with _picture(file, where) as image:
        return _pixels(image)


def survey_picture(file: IO[bytes] | bytes, where: str, most: int) -> tuple[Header, NDArray[np.uint8] | None]:
    """What :func:`decode_picture` would give, from the head of the file; and the pixels, of ``most`` bytes at most."""
    with _picture(file, where) as image:
        width, height = image.size
        if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        header = Header(height, width, 1 if _is_grey(image) else 3)
        return header, _pixels(image) if height * width * header.channels <= most else None


@contextmanager
def _picture(file: IO[bytes] | bytes, where: str) -> Iterator[Image.Image]:
    try:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise _too_large(where, f"{width}x{height}")
            yield image
    except Image.DecompressionBombError as error:
        pixels = re.search(r"(\d+) pixels", str(error))  # Pillow's own limit, before it tells the size
        raise _too_large(where, f"{int(pixels[1]):,} pixels" if pixels else one_line(error)) from error
    except _DAMAGED as error:
        raise DataError(
            "not a readable picture",
            where=where,
            got=_reason(error, file),
            expected=f"a whole {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file",
        ) from error


def _reason(error: BaseException, file: IO[bytes] | bytes) -> str:
    if isinstance(file, bytes) and not file:
        return "an empty file"
    # Pillow names the buffer by its address, which differs from time to time.
    return "bytes of no known kind of picture" if isinstance(error, UnidentifiedImageError) else one_line(error)


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    image.load()
    pixels = _plain(ImageOps.exif_transpose(image) if _ORIENTATION in image.getexif() else image)
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def _is_grey(image: Image.Image) -> bool:
    return image.mode.startswith(("I", "F")) or (image.mode in ("1", "L") and not image.has_transparency_data)


def _plain(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels as (H, W) or (H, W, 3)."""
    if image.mode == "F":
        raise ValueError("pixels of floating point, whose black and white nobody knows")
    if image.mode.startswith("I"):  # 16 bits a pixel, whatever Pillow's version calls them
        return (np.asarray(image) >> 8).clip(0, 255).astype(np.uint8)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    wanted = "L" if image.mode in ("1", "L") else "RGB"
    return np.asarray(image if image.mode == wanted else image.convert(wanted))


def _too_large(where: str, got: str) -> DataError:
    return DataError(
        "too many pixels",
        where=where,
        got=got,
        expected=f"at most {MAX_PIXELS:,} pixels",
        hint="the file may be a decompression bomb; otherwise make it smaller",
    )


def fit_picture(picture: Array, shape: tuple[int, ...], where: str | None = None) -> Array:
    """Bring a uint8 picture to a shape: grey or RGB (ITU-R 601 luma), resized with antialiasing, aspect ratio aside.

    Args:
        picture: (H, W, C), uint8.
        shape: (H, W, C) as wanted; other depths than 1 and 3 are resized but not changed for one another.
        where: the name of the picture, for errors.

    Returns:
        uint8 of that shape; ``picture`` itself if it fits.

    Raises:
        DataError: another depth, which nothing could be made of.
    """
    height, width, channels = shape
    if picture.shape == shape:
        return picture
    if picture.shape[2] != channels:
        if picture.shape[2] not in _MODES or channels not in _MODES:
            raise DataError(
                "an image of another depth",
                where=where,
                got=picture.shape,
                expected=f"{channels} channels, as in training",
            )
        converted = _image(picture).convert(_MODES[channels])
        picture = np.asarray(converted).reshape(*picture.shape[:2], channels)
    if picture.shape[:2] == (height, width):
        return picture
    # Pillow resizes with antialiasing for this filter when it shrinks. Depths that it knows no mode for: one by one.
    parts = [picture] if channels in _MODES else [picture[..., c : c + 1] for c in range(channels)]
    resized = [np.asarray(_image(part).resize((width, height), Image.Resampling.BILINEAR)) for part in parts]
    return resized[0].reshape(shape) if len(parts) == 1 else np.stack(resized, axis=-1)


def _image(picture: Array) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[..., 0] if picture.shape[2] == 1 else picture))
