"""Raw samples from what the page sends: a drawing, a waveform, or the content of a file.

Letters: H and W pixels, L samples in time, C channels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image

from tatami.data import Preprocess
from tatami.data.dataset import Array
from tatami.data.pictures import decode_picture, fit_picture, quiet
from tatami.data.wave import decode_sound
from tatami.errors import DataError, OptionError
from tatami.network.layers import size_text

BOX = 20 / 28
"""Share of the picture's sides that MNIST's digits take."""

MOST_DRAWN = 512
"""The largest side of a drawing in pixels."""

_DTYPES: dict[str, np.dtype[Any]] = {"uint8": np.dtype("u1"), "float32": np.dtype("<f4")}


def read_raw(content: bytes, shape: str, dtype: str) -> Array:
    """A sample from its bytes.

    Args:
        content: the values, last axis fastest, little-endian.
        shape: ``112x112x1`` or ``150x1``.
        dtype: ``uint8`` or ``float32``.

    Raises:
        OptionError: a shape or a type that is none.
        DataError: bytes of another number, or values that are not finite.
    """
    sizes = shape.split("x")
    whole = tuple(int(size) for size in sizes if size.isascii() and size.isdigit() and len(size) < 7)
    if len(sizes) not in (2, 3) or len(whole) < len(sizes) or 0 in whole:
        raise OptionError("unreadable shape", got=repr(shape[:40]), expected="such as 28x28x1 or 150x1")
    if dtype not in _DTYPES:
        raise OptionError("no such type of values", got=repr(dtype[:40]), expected=" or ".join(_DTYPES))
    size = math.prod(whole) * _DTYPES[dtype].itemsize
    if size != len(content):
        raise DataError(
            "a sample of another size than its shape",
            got=f"{len(content):,} bytes",
            expected=f"{size:,} bytes for {shape} {dtype}",
        )
    values: Array = np.frombuffer(content, _DTYPES[dtype]).reshape(whole)
    if dtype == "float32" and not np.isfinite(values).all():
        raise DataError("a sample with NaN or infinity", expected="finite values")
    return values


def fit_raw(sample: Array, preprocess: Preprocess, centred: bool) -> Array:
    """A raw sample of the network's shape: centred as MNIST's digits are where that is wished for, else adapted.

    Raises:
        DataError: it cannot be brought to that shape.
    """
    if centred:
        return centre(sample, preprocess.shape)
    if sample.ndim != len(preprocess.shape):
        raise DataError(
            f"the network takes {preprocess.kind}s of another rank",
            got=size_text(sample.shape),
            expected=size_text(preprocess.shape),
        )
    if max(sample.shape[:2]) > MOST_DRAWN and sample.ndim == 3:
        raise DataError("a drawing too large", got=size_text(sample.shape), expected=f"sides up to {MOST_DRAWN}")
    return preprocess.adapt(sample)


def centre(drawing: Array, shape: tuple[int, ...]) -> Array:
    """Prepare a drawing, white on black, as the digits of MNIST were.

    What is drawn is cut out and scaled, its aspect ratio kept, to a box of :data:`BOX` of the picture's sides; this is
    laid into the picture so that its centre of mass is the picture's centre, as far as the box stays inside.
    Source: LeCun, Cortes & Burges, The MNIST Database of Handwritten Digits.

    Args:
        drawing: uint8 (H, W, 1), of any size.
        shape: (H, W, 1) as wanted.

    Returns:
        uint8 of ``shape``; black where nothing is drawn.

    Raises:
        DataError: neither a grey drawing nor a network for grey pictures.
    """
    if drawing.dtype != np.uint8 or drawing.ndim != 3 or drawing.shape[2] != 1 or len(shape) != 3 or shape[2] != 1:
        raise DataError(
            "only grey pictures are centred as the digits of MNIST",
            got=f"{drawing.dtype} {size_text(drawing.shape)} for {size_text(shape)}",
            expected="uint8, one channel",
        )
    picture = np.zeros(shape, np.uint8)
    rows, columns = (np.flatnonzero(drawing[..., 0].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return picture
    ink = drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, 0]
    scale = min(BOX * shape[0] / ink.shape[0], BOX * shape[1] / ink.shape[1])
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    # Pillow resizes with antialiasing for this filter when it shrinks.
    small = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BILINEAR))
    top, left = (_begin(small, axis, shape[axis]) for axis in (0, 1))
    picture[top : top + height, left : left + width, 0] = small
    return picture


def _begin(ink: Array, axis: int, side: int) -> int:
    """Where the box begins along an axis, so that the centre of mass lies in the middle of ``side`` pixels."""
    mass = ink.sum(axis=1 - axis, dtype=np.float64)
    middle = float((mass * (np.arange(len(mass)) + 0.5)).sum() / max(mass.sum(), 1e-9))
    return min(max(round(side / 2 - middle), 0), side - len(mass))


def read_file(content: bytes, name: str, preprocess: Preprocess) -> Array:
    """The raw sample in a file that was dropped on the page, brought to the network's shape.

    Args:
        content: of the file.
        name: of the file, for errors.
        preprocess: of the run: it says what is expected, a picture or a sound.

    Raises:
        DataError: no picture or sound, a damaged one, too large, or one that cannot be brought to the shape.
    """
    where = name[:100] or "the file"
    if preprocess.kind == "signal":
        return preprocess.adapt(_resampled(decode_sound(content, where).x, preprocess), where)
    with quiet():
        picture = decode_picture(content, where)
    if preprocess.scale == 1.0:  # the run was trained on floats, of a range that no file has
        raise DataError(
            "this run was trained on pictures of floats, which no picture file holds", where=where, got="uint8"
        )
    return fit_picture(picture, preprocess.shape, where)


def _resampled(sound: Array, preprocess: Preprocess) -> Array:
    """Mixed down to mono where the network takes one channel; its length is left to the preprocessing."""
    if preprocess.shape[1] == 1 and sound.shape[1] > 1:
        mono: Array = sound.mean(axis=1, keepdims=True, dtype=np.float32)
        return mono
    return sound
