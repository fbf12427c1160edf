"""Room around images, and windows into it.

Letters: n samples, H and W pixels, C channels, p pixels of the frame on each side.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tatami.data.dataset import Array

Fill = Literal["border", "edge", "reflect"]


def framed(x: Array, pixels: int, fill: Fill) -> Array:
    """Images with a frame around each: (n, H + 2p, W + 2p, C) from (n, H, W, C).

    Args:
        x: the images.
        pixels: p; for ``reflect`` less than H and W.
        fill: ``edge`` repeats the outermost pixels, ``reflect`` mirrors the image about them, and ``border`` fills with
            one colour, the :func:`border_median`.
    """
    if fill != "border":
        return np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode=fill)
    n, H, W, C = x.shape
    out = np.empty((n, H + 2 * pixels, W + 2 * pixels, C), x.dtype)
    out[:] = border_median(x)[:, None, None, :]
    out[:, pixels : pixels + H, pixels : pixels + W] = x
    return out


def border_median(x: Array) -> Array:
    """The (upper) median of each channel over the outermost pixels of each image: (n, C), a value that occurs there.

    It is the background of a digit or a drawing, whether dark on light or light on dark.
    """
    border = np.concatenate([x[:, 0], x[:, -1], x[:, 1:-1, 0], x[:, 1:-1, -1]], axis=1)  # (n, 2W + 2H - 4, C)
    middle = border.shape[1] // 2
    return np.partition(border, middle, axis=1)[:, middle]


def windows(x: Array, top: NDArray[np.intp], left: NDArray[np.intp], height: int, width: int) -> Array:
    """A window of each image: (n, height, width, C), its upper left corner at (``top``, ``left``), both (n,)."""
    n, H, W, C = x.shape
    rows = x.reshape(n, H, W * C)
    every = sliding_window_view(rows, (height, width * C), axis=(1, 2))
    windows: Array = every[np.arange(n), top, left * C].reshape(n, height, width, C)
    return windows
