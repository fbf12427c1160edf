"""Arrays for kernels to work on: dense, or channels within a wider array, between values that must stay as they are."""

import numpy as np

BESIDE = 3  # channels on either side of a slice
GUARD = 7777.0


def room(values: np.ndarray, sliced: bool) -> np.ndarray:
    """A copy of ``values`` (n, *spatial, C) as a dense array, or as a slice of the channels of a larger one."""
    beside = BESIDE if sliced else 0
    wide = np.full((len(values) + 1, *values.shape[1:-1], values.shape[-1] + 2 * beside), GUARD, values.dtype)
    inside = wide[:-1, ..., beside : beside + values.shape[-1]]
    inside[...] = values
    return inside


def is_guarded(inside: np.ndarray) -> bool:
    """Whether everything around an array of :func:`room` is as it was."""
    wide = inside.base.copy()
    beside = (wide.shape[-1] - inside.shape[-1]) // 2
    wide[:-1, ..., beside : beside + inside.shape[-1]] = GUARD
    return bool((wide == GUARD).all())


def random(seed: int, *shape: int, dtype: str = "float32", scale: float = 1.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(dtype)


def close(a: np.ndarray, b: np.ndarray, tolerance: float | None = None, least: float = 1e-30) -> None:
    """Equal but for rounding, relative to the largest value, or to ``least`` if that is larger."""
    limit = tolerance or {4: 2e-6, 8: 1e-13}[a.dtype.itemsize]
    assert a.shape == b.shape
    assert float(np.abs(a - b).max(initial=0)) <= limit * max(least, float(np.abs(b).max(initial=0)))
