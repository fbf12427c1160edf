"""Windows over arrays: padding, and slices for the positions of a window, in any number of spatial axes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tatami.engines.base import Array
from tatami.network.layers.windows import Window


def pad(X: Array, window: Window, value: float = 0.0) -> Array:
    """X with the window's padding around its spatial axes; X itself when there is none."""
    if not any(before or after for before, after in window.padding):
        return X
    return np.pad(X, [(0, 0), *window.padding, (0, 0)], constant_values=value)


def crop(X: Array, window: Window) -> Array:
    """X without the padding that :func:`pad` put around it."""
    return X[(slice(None), *(slice(axis.before, axis.before + axis.length) for axis in window.axes))]


def window_at(position: tuple[int, ...], window: Window) -> tuple[slice, ...]:
    """The index of what the window sees at ``position`` of the output.

    For an image it is ``[:, x*S : x*S+F, y*S : y*S+F]``, with S and F of each axis and D, the dilation, as the step.
    """
    seen = []
    for x, axis in zip(position, window.axes, strict=True):
        start = x * axis.stride
        seen.append(slice(start, start + axis.extent, axis.dilation))
    return (slice(None), *seen)


def shifted_views(X: Array, window: Window) -> Iterator[Array]:
    """For each place within the window, in row order, what stands there in all windows: views of (N, *out, C)."""
    for place in np.ndindex(*(axis.size for axis in window.axes)):
        starts = [i * axis.dilation for i, axis in zip(place, window.axes, strict=True)]
        yield X[
            (
                slice(None),
                *(
                    slice(start, start + (axis.output - 1) * axis.stride + 1, axis.stride)
                    for start, axis in zip(starts, window.axes, strict=True)
                ),
            )
        ]
