"""What labels mean, classes or the targets of a regression, and the targets as the house keeps them: float32 (N, T).

Letters: N samples, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.data.arrays import MANY_LABELS
from tatami.data.dataset import Array
from tatami.data.options import Task
from tatami.errors import DataError


def means_targets(labels: Sequence[tuple[Array, str]], task: Task) -> bool:
    """Whether the labels of all splits are targets.

    ``task`` decides it; with ``auto`` floats are, where one has a fraction or where there are several a sample, one-hot
    rows aside. Text and whole numbers are not.

    Args:
        labels: those of each split, and where they come from.
        task: what the user says.
    """
    if task != "auto":
        return task == "regression"
    ys = [y for y, _ in labels]
    return all(y.dtype.kind == "f" for y in ys) and any(_looks_measured(y) for y in ys)


def as_targets(y: Array, where: str) -> NDArray[np.float32]:
    """Targets (N,) or (N, T), numbers or numbers as text, as float32 (N, T).

    Args:
        y: the targets.
        where: where they come from, for errors.

    Raises:
        DataError: another rank, what is not a number, NaN, or a number beyond the range of float32. Names the row,
            from 0.
    """
    if y.ndim not in (1, 2) or (y.ndim == 2 and not y.shape[1]):
        raise DataError("targets of a wrong rank", where=where, got=y.shape, expected="(N,) or (N, T)")
    if y.dtype.kind not in "biufUS":
        raise DataError("targets of this dtype are not read", where=where, got=y.dtype, expected="numbers")
    table = y[:, np.newaxis] if y.ndim == 1 else y
    numbers = _numbers(table) if table.dtype.kind in "US" else table.astype(np.float64)
    with np.errstate(over="ignore"):
        targets = numbers.astype(np.float32)
    bad = ~np.isfinite(targets)
    if bad.any():
        row, target = (int(index) for index in np.argwhere(bad)[0])
        got = table[row, target]
        raise DataError(
            "a target that is not a finite number in float32",
            where=f"{where}, row {row}" + (f", target {target}" if table.shape[1] > 1 else ""),
            got=repr(_text(got)) if table.dtype.kind in "US" else got,
            expected="a number",
            hint="with --task classification labels are names" if table.dtype.kind in "US" else None,
        )
    return targets


def written_labels(ys: Sequence[Array], task: Task) -> tuple[list[Array], Array | None]:
    """Labels as a text file holds them, as what they are taken for.

    Numbers become floats where they are to be targets, or look like it: one has a fraction, or there are too many
    distinct ones for classes. Whole numbers are names of classes otherwise, ``1.0`` being ``1``, in the order of their
    values. Anything else is names as they stand.

    Args:
        ys: the labels of each split, text (N,).
        task: what the user says.

    Returns:
        The labels of each split, floats or text; and the names of the classes in their order, None for floats and for
        text that is not numbers.
    """
    values = [_numbers(y) for y in ys]
    every = np.concatenate(values)
    if not np.isfinite(every).all():
        return list(ys), None
    whole = bool((every == np.floor(every)).all())
    many = len(np.unique(every)) > max(MANY_LABELS, len(every) // 2)
    if task == "regression" or (task == "auto" and (many or not whole)):
        return list(values), None
    names = [np.array([_name(value) for value in split]) for split in values]
    order = {_name(value): value for value in every}
    return list(names), np.array(sorted(order, key=lambda name: order[name]))


def _looks_measured(y: Array) -> bool:
    if y.ndim == 2 and y.shape[1] > 1:
        return not (((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    known = y[np.isfinite(y)]
    return bool((known != np.floor(known)).any())


def _numbers(texts: Array) -> NDArray[np.float64]:
    """Text as numbers, NaN where it is none."""

    def number(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            return np.nan

    return np.array([number(_text(text)) for text in texts.ravel()], np.float64).reshape(texts.shape)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _name(value: float) -> str:
    """``1`` for 1.0, ``0.5`` for itself."""
    return str(int(value)) if value == int(value) else repr(float(value))
