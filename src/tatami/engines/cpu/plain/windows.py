"""Windows over arrays, without a loop over positions.

In the shape comments: N samples, C channels; *in, *out, *F are the spatial sizes of the padded input, of the output and
of the window.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tatami.engines.base import Array
from tatami.network.layers.windows import Window


def pad(X: Array, window: Window, value: float = 0.0) -> Array:
    """X (N, *, C) with the window's padding around it, (N, *in, C); X itself where there is none."""
    if not any(map(any, window.padding)):
        return X
    sizes = (sum(padding) + axis.length for padding, axis in zip(window.padding, window.axes, strict=True))
    padded = np.full((len(X), *sizes, X.shape[-1]), value, X.dtype)
    crop(padded, window)[...] = X
    return padded


def crop(X: Array, window: Window) -> Array:
    """X without its padding, a view."""
    return X[(slice(None), *(slice(axis.before, axis.before + axis.length) for axis in window.axes))]


def zeros_padded(n: int, C: int, window: Window, dtype: np.dtype) -> Array:
    """Zeros of the shape of the padded input: (n, *in, C)."""
    sizes = (axis.before + axis.length + axis.after for axis in window.axes)
    return np.zeros((n, *sizes, C), dtype)


def patches(X: Array, window: Window) -> Array:
    """What the window sees of a padded X, at every position: a view (N, *out, *F, C)."""
    axes = tuple(range(1, X.ndim - 1))
    every = sliding_window_view(X, tuple(axis.extent for axis in window.axes), axes)  # (N, *, C, *)
    kept = every[
        (
            slice(None),
            *(slice(None, None, axis.stride) for axis in window.axes),
            slice(None),
            *(slice(None, None, axis.dilation) for axis in window.axes),
        )
    ]  # (N, *out, C, *F)
    return np.moveaxis(kept, len(axes) + 1, -1)


def shifted_views(X: Array, window: Window) -> Iterator[Array]:
    """For each place within the window, in row order, what a padded X has there in all windows: views (N, *out, C)."""
    for place in np.ndindex(*(axis.size for axis in window.axes)):
        starts = [i * axis.dilation for i, axis in zip(place, window.axes, strict=True)]
        ends = [start + (axis.output - 1) * axis.stride + 1 for start, axis in zip(starts, window.axes, strict=True)]
        steps = [axis.stride for axis in window.axes]
        yield X[(slice(None), *map(slice, starts, ends, steps))]
