"""Holding out a part of the training data for validation: by classes, by groups, or at random."""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Split
from tatami.errors import DataError, OptionError

Indices = NDArray[np.int64]

FOLDS = 20
"""The most parts that groups are divided into, of which as many are held out as make up the fraction."""


def hold_out(split: Split, fraction: float, seed: int) -> tuple[Indices, Indices]:
    """Divide the rows of a split into training and validation.

    Classes are held out each by about the same fraction; targets of a regression at random. Where the samples have
    groups, each group is held out as a whole or not at all, and the fraction is met as nearly as the groups allow.

    Args:
        split: samples with labels.
        fraction: the part to hold out, from 0 (nothing) to less than 1.
        seed: of the random choice; the same seed chooses the same rows.

    Returns:
        The indices of the training rows and of the validation rows, ascending, disjoint, together all of them.

    Raises:
        OptionError: a fraction or a seed that makes no sense.
        DataError: too few samples or groups to hold any out.
    """
    assert split.y is not None
    if split.groups is None and split.y.ndim == 1:
        return stratified_split(split.y, fraction, seed)
    _check(fraction, seed)
    rows = np.arange(len(split), dtype=np.int64)
    if fraction == 0:
        return rows, rows[:0]
    if split.groups is not None:
        return _split_groups(split.y, split.groups, fraction, seed)
    order = np.random.default_rng(seed).permutation(rows)
    count = min(math.ceil(fraction * len(rows)), len(rows) - 1)
    return np.sort(order[count:]), np.sort(order[:count])


def _split_groups(y: NDArray[np.generic], groups: Indices, fraction: float, seed: int) -> tuple[Indices, Indices]:
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold  # slow to import

    count = len(np.unique(groups))
    if count < 2:
        raise DataError(
            "cannot hold out validation data: all samples are of one group",
            expected="at least two groups",
            hint="--validation 0 holds none out",
        )
    folds = min(FOLDS, count)
    if y.ndim == 1:  # scikit-learn wants some class with a sample a fold
        folds = min(folds, int(np.unique(y, return_counts=True)[1].max()))
    kind = StratifiedGroupKFold if y.ndim == 1 else GroupKFold
    parts = []
    if folds > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with fewer samples than folds, which are checked below
            parts = list(kind(folds, shuffle=True, random_state=seed).split(y, y if y.ndim == 1 else None, groups))
    some = min(max(1, round(fraction * folds)), folds - 1)
    for first in range(len(parts)):
        chosen = [parts[(first + i) % folds][1] for i in range(some)]
        validation = np.sort(np.concatenate(chosen)).astype(np.int64)
        training = np.setdiff1d(np.arange(len(y), dtype=np.int64), validation, assume_unique=True)
        if len(validation) and len(training) and (y.ndim > 1 or len(np.unique(y[training])) == len(np.unique(y))):
            return training, validation
    raise DataError(
        "cannot hold out validation data: whatever groups are held out, a class has none left for training",
        got=f"{count} groups, {len(np.unique(y))} classes",
        expected="each class in several groups",
        hint="--validation 0 holds none out, or a validation split of the data's own",
    )


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
    _check(fraction, seed)
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
            hint="--validation 0 holds none out",
        )
    kinds = int((counts >= 2).sum())
    held = min(max(math.ceil(round(fraction * len(y), 6)), kinds), len(divisible) - kinds)

    from sklearn.model_selection import StratifiedShuffleSplit  # slow to import

    splitter = StratifiedShuffleSplit(n_splits=1, test_size=held, random_state=seed)
    _, chosen = next(splitter.split(divisible, y[divisible]))
    validation = np.sort(divisible[chosen])
    validation = np.delete(validation, _first_of_classes_wholly_held(y, validation))
    return np.setdiff1d(rows, validation, assume_unique=True), validation


def _check(fraction: float, seed: int) -> None:
    if not (math.isfinite(fraction) and 0 <= fraction < 1):
        raise OptionError("validation fraction out of range", got=fraction, expected="0 to less than 1")
    if not 0 <= seed < 2**32:
        raise OptionError("seed out of range", got=seed, expected="0 to 4294967295")


def _first_of_classes_wholly_held(y: NDArray[np.int64], validation: Indices) -> list[int]:
    """Where in ``validation`` the first row of each class lies that has no row left for training."""
    held, first, counts = np.unique(y[validation], return_index=True, return_counts=True)
    return [int(at) for label, at, count in zip(held, first, counts, strict=True) if count == (y == label).sum()]
