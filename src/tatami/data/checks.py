"""The checks that every data set passes, whatever file it comes from.

Letters: N samples, H and W pixels, L time steps, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array, Dataset, Kind, Split
from tatami.errors import DataError, nearest

_LAYOUT = {"image": "(N, H, W, C)", "signal": "(N, L, C)"}

Names = Mapping[str, tuple[str, str]]
"""By split, how the source calls the samples and the labels."""

_NAMES: Names = {"train": ("x_train", "y_train"), "validation": ("x_val", "y_val"), "test": ("x_test", "y_test")}


def check(dataset: Dataset, source: str, names: Names = _NAMES) -> Dataset:
    """Return the data set if it can be trained on.

    Args:
        dataset: the data set to check.
        source: where it comes from, for errors: a file, a folder or ``sample:NAME``.
        names: how the source calls the samples and the labels of each split.

    Raises:
        DataError: wrong ranks or dtypes, no samples, counts that differ, NaN or infinity, labels out of range, a class
            without a training sample, or another split unlike the training split. Names the array that is at fault
            and the first offending row, counted from 0.
    """
    for name, split in dataset.splits():
        check_samples(split.x, dataset.kind, f"{source}, {names[name][0]}")
    if not dataset.is_regression:
        _check_classes(dataset.classes, source)
    for name, split in dataset.splits():
        _check_labels(split, dataset, source, *names[name])
    if not dataset.is_regression:
        _check_every_class(dataset, source, names)
    for name, split in dataset.splits():
        _check_alike(dataset.train.x, split.x, f"{source}, {names[name][0]}", name, names["train"][0])
    return dataset


def check_samples(x: Array, kind: Kind, where: str) -> None:
    """Raise :class:`DataError` unless ``x`` is a non-empty, finite array of the rank and dtype of its kind."""
    layout = _LAYOUT[kind]
    if x.ndim != len(layout.split(",")):
        raise DataError(f"wrong number of dimensions for {kind}s", where=where, got=x.shape, expected=layout)
    if x.shape[0] == 0:
        raise DataError("no samples at all", where=where, got=x.shape, expected=f"{layout} with N of at least 1")
    if 0 in x.shape:
        raise DataError("samples without a single value", where=where, got=x.shape, expected=f"{layout}, no size 0")
    dtypes = ("uint8", "float32") if kind == "image" else ("float32",)
    if x.dtype.name not in dtypes:
        raise DataError(f"wrong dtype for {kind}s", where=where, got=x.dtype, expected=" or ".join(dtypes))
    row = first_row_not_finite(x)
    if row is not None:
        values = x[row][~np.isfinite(x[row])]
        raise DataError(
            "a value that is NaN or infinite in float32",
            where=f"{where}, row {row}",
            got=f"{values[0]} (the first of {values.size} in this row)",
            expected="finite numbers",
            hint="drop the row, or fill its gaps, before training",
        )


def first_row_not_finite(x: Array) -> int | None:
    """The index of the first sample that holds NaN or infinity, or None. Takes no copy of ``x`` as a whole."""
    if x.dtype.kind != "f":
        return None
    rows = max(1, 2**22 // max(1, x[0].size))
    for start in range(0, len(x), rows):
        block = x[start : start + rows]
        bad = ~np.isfinite(block).all(axis=tuple(range(1, x.ndim)))
        if bad.any():
            return start + int(bad.argmax())
    return None


def _check_classes(classes: tuple[str, ...], source: str) -> None:
    if len(classes) < 2:
        raise DataError("too few classes to tell apart", where=source, got=len(classes), expected="at least 2")
    twice = sorted({name for name in classes if classes.count(name) > 1}) if len(set(classes)) < len(classes) else []
    if twice:
        raise DataError("two classes have one name", where=source, got=repr(twice[0]), expected="a name a class")


def _check_labels(split: Split, dataset: Dataset, source: str, x_name: str, y_name: str) -> None:
    where, y = f"{source}, {y_name}", split.y
    if y is None:
        raise DataError("samples without labels", where=f"{source}, {x_name}", expected=f"labels in {y_name}")
    wanted = (len(split.x), len(dataset.targets)) if dataset.is_regression else (len(split.x),)
    if y.shape != wanted:
        raise DataError(
            f"{x_name} and {y_name} do not pair up",
            where=where,
            got=f"{len(split.x)} samples and labels of shape {y.shape}",
            expected=f"labels of shape {wanted}",
        )
    dtype = np.float32 if dataset.is_regression else np.int64
    if y.dtype != dtype:
        raise DataError("wrong dtype for labels", where=where, got=y.dtype, expected=np.dtype(dtype).name)
    if dataset.is_regression:
        return
    outside = (y < 0) | (y >= len(dataset.classes))
    if outside.any():
        row = int(outside.argmax())
        raise DataError(
            "label out of range",
            where=f"{where}, row {row}",
            got=int(y[row]),
            expected=f"0 to {len(dataset.classes) - 1}, as there are {len(dataset.classes)} classes",
        )


def _check_every_class(dataset: Dataset, source: str, names: Names) -> None:
    counts = np.bincount(dataset.train.y, minlength=len(dataset.classes))  # type: ignore[arg-type]
    empty = np.flatnonzero(counts == 0)
    if not empty.size:
        return
    y_name = names["train"][1]
    for name, split in dataset.splits():
        _check_no_new_label(split, dataset.classes, counts, f"{source}, {names[name][1]}", y_name)
    label = int(empty[0])
    others = f" and {empty.size - 1} more" if empty.size > 1 else ""
    raise DataError(
        f"empty class {dataset.classes[label]!r}{others}: no training sample has label {label}",
        where=f"{source}, {y_name}",
        got=f"labels from {int(np.flatnonzero(counts)[0])} to {int(np.flatnonzero(counts)[-1])}",
        expected=f"at least one sample of each of the {len(dataset.classes)} classes",
        hint="labels count from 0 without gaps; leave out classes that have no data",
    )


def _check_no_new_label(
    split: Split, classes: tuple[str, ...], counts: NDArray[np.int64], where: str, train_name: str
) -> None:
    """A class without training samples is the fault of other labels where one of them is the only sign of it."""
    assert split.y is not None
    new = counts[split.y] == 0
    if new.any():
        row = int(new.argmax())
        known = [classes[label] for label in np.flatnonzero(counts)]
        close = nearest(classes[split.y[row]], known)
        raise DataError(
            "a label that no training sample has",
            where=f"{where}, row {row}",
            got=repr(classes[split.y[row]]),
            expected=f"one of {', '.join(known[:10])}{', ...' if len(known) > 10 else ''}, as in {train_name}",
            hint=f"did you mean {close}?" if close else None,
        )


def _check_alike(train: Array, other: Array, where: str, name: str, train_name: str) -> None:
    if other.shape[1:] != train.shape[1:]:
        raise DataError(
            f"{name} samples of another shape than the training samples",
            where=where,
            got=other.shape[1:],
            expected=f"{train.shape[1:]}, as in {train_name}",
        )
    if other.dtype != train.dtype:
        raise DataError(
            f"{name} samples of another dtype than the training samples",
            where=where,
            got=other.dtype,
            expected=f"{train.dtype}, as in {train_name}",
        )
