"""Images looked up between their pixels.

Letters: n samples, H and W pixels, C channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tatami.data.augment.frame import Fill, framed
from tatami.data.augment.transform import as_type
from tatami.data.dataset import Array

Coordinates = NDArray[np.float32]


def bilinear(x: Array, rows: Coordinates, columns: Coordinates, fill: Fill) -> Array:
    """The value of each image at given places, weighted from the four pixels around each.

    Args:
        x: images (n, H, W, C).
        rows: in pixels from the first row's centre, float32, with ``columns`` of a shape that broadcasts to (n, H, W).
        columns: likewise.
        fill: what is seen outside: ``edge`` or ``border``, as in ``frame.framed``.

    Returns:
        (n, H, W, C) of the dtype of ``x``; at whole coordinates the pixels themselves, bit for bit.
    """
    n, H, W, C = x.shape
    i, down = _cell(rows, H)
    j, right = _cell(columns, W)
    first = np.arange(n).reshape(n, 1, 1) * ((H + 2) * (W + 2))
    at = first + i * (W + 2) + j  # (n, H, W), into the framed images laid end to end
    pixels = framed(x, 1, fill).astype(np.float32).reshape(-1, C) if C > 1 else framed(x, 1, fill).astype(np.float32)
    if C > 1:
        down, right = down[..., None], right[..., None]
    else:
        pixels = pixels.reshape(-1)
    upper = _between(pixels.take(at, axis=0), pixels.take(at + 1, axis=0), right)
    at += W + 2
    lower = _between(pixels.take(at, axis=0), pixels.take(at + 1, axis=0), right)
    return as_type(_between(upper, lower, down), x.dtype).reshape(x.shape)


def _cell(coordinates: Coordinates, size: int) -> tuple[NDArray[np.intp], Coordinates]:
    """The pixel at or before each coordinate, numbered in the framed image, and how far the coordinate lies past it.

    What lies outside is brought into the frame.
    """
    inside = np.clip(coordinates, -1, size)
    before = np.minimum(np.floor(inside), size - 1)
    return (before + 1).astype(np.intp), inside - before


def _between(first: Coordinates, second: Coordinates, share: Coordinates) -> Coordinates:
    """``first + (second - first) * share``, in the memory of ``second``."""
    second -= first
    second *= share
    second += first
    return second
