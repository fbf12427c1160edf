"""Holding out a part of the training data for validation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tatami.errors import DataError, OptionError

Indices = NDArray[np.int64]


def stratified_split(y: NDArray[np.int64], fraction: float, seed: int) -> tuple[Indices, Indices]:
    """Divide rows into training and validation, each class by about the same fraction.

    Every class keeps at least one training row, and a class with a single row is not held out at all. The validation
    part is rounded up to a row for each other class, so that small data validate every class.

    Args:
        y: labels, int64 (N,).
        fraction: the part to hold out, from 0 (nothing) to less than 1.
        seed: of the random choice; the same seed chooses the same rows.

    Returns:
        The indices of the training rows and of the validation rows, ascending, disjoint, together all of them.

    Raises:
        OptionError: a fraction outside [0, 1) or a seed outside [0, 2**32).
        DataError: no class has the two rows that holding out needs.
    """
    if not (math.isfinite(fraction) and 0 <= fraction < 1):
        raise OptionError("validation fraction out of range", got=fraction, expected="0 to less than 1")
    if not 0 <= seed < 2**32:
        raise OptionError("seed out of range", got=seed, expected="0 to 4294967295")
    rows = np.arange(len(y), dtype=np.int64)
    if fraction == 0:
        return rows, rows[:0]

    classes, counts = np.unique(y, return_counts=True)
    divisible = rows[np.isin(y, classes[counts >= 2])]
    if not divisible.size:
        raise DataError(
            "cannot hold out validation data: no class has two samples",
            got=f"{len(y)} samples of {len(classes)} classes",
            expected="at least two samples of some class",
            hint="use a validation fraction of 0",
        )
    kinds = int((counts >= 2).sum())
    held = min(max(math.ceil(round(fraction * len(y), 6)), kinds), len(divisible) - kinds)

    from sklearn.model_selection import StratifiedShuffleSplit  # slow to import

    splitter = StratifiedShuffleSplit(n_splits=1, test_size=held, random_state=seed)
    _, chosen = next(splitter.split(divisible, y[divisible]))
    validation = np.sort(divisible[chosen])
    validation = np.delete(validation, _first_of_classes_wholly_held(y, validation))
    return np.setdiff1d(rows, validation, assume_unique=True), validation


def _first_of_classes_wholly_held(y: NDArray[np.int64], validation: Indices) -> list[int]:
    """Where in ``validation`` the first row of each class lies that has no row left for training."""
    held, first, counts = np.unique(y[validation], return_index=True, return_counts=True)
    return [int(at) for label, at, count in zip(held, first, counts, strict=True) if count == (y == label).sum()]
