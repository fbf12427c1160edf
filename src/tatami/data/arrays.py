"""From arrays as people save them to the house's layout: samples (N, H, W, C) or (N, L, C), labels int64 (N,)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array, Kind
from tatami.errors import DataError, nearest

MAX_CLASSES = 2**16
"""The most classes that integer labels may imply: one stray label would otherwise ask for any number of them."""


MANY_LABELS = 20
"""Whole floats of more distinct values, and of more than half as many as there are labels, are no classes."""

SQUARE = 8
"""From this size, floats (N, size, size) are taken for grey images rather than for signals."""

_LABELS = "whole numbers from 0, or names"


def as_samples(x: Array, where: str, kind: Kind | None = None) -> tuple[Array, Kind]:
    """Bring samples into the house's layout.

    uint8 (N, H, W) are grey images and (N, H, W, C) images; floats (N, L) are univariate signals, (N, L, C) signals
    and (N, H, W, C) images. Floats become float32; a value beyond its range becomes infinity, which ``check`` reports.

    Floats of rank 3 may be grey images, or signals with their channels first. Unless ``kind`` settles it, they are
    refused where they are square from :data:`SQUARE`, or deeper than long.

    Args:
        x: the array.
        where: its name, for errors.
        kind: what the samples are, where that is known; floats (N, H, W) are grey images when it is ``image``.

    Raises:
        DataError: no samples, another rank or dtype than those of ``kind``, a rank-3 array that is not plainly a
            signal, or images that are plainly channels-first.
    """
    if x.ndim and not len(x):
        raise DataError("no samples at all", where=where, got=x.shape, expected="at least one sample")
    if x.dtype == np.uint8 and kind != "signal":
        if x.ndim not in (3, 4):
            raise DataError(
                "uint8 samples are images",
                where=where,
                got=x.shape,
                expected="(N, H, W) or (N, H, W, C)",
                hint="for signals use x.astype('float32')",
            )
        images = x if x.ndim == 4 else x[..., np.newaxis]
        _refuse_channels_first(images, where)
        return images, "image"
    if x.dtype == np.uint8:
        raise DataError(
            "signals of uint8",
            where=where,
            got=f"{x.dtype} {x.shape}",
            expected="float signals (N, L) or (N, L, C)",
            hint="x.astype('float32')",
        )
    if x.dtype.kind != "f":
        raise DataError(
            "samples of this dtype are not read",
            where=where,
            got=x.dtype,
            expected="uint8 images or float signals",
            hint="x.astype('uint8') for images of 0 to 255, x.astype('float32') for signals",
        )
    if x.ndim not in (2, 3, 4):
        raise DataError(
            "samples with a wrong number of dimensions",
            where=where,
            got=x.shape,
            expected="signals (N, L) or (N, L, C), or images (N, H, W, C)",
        )
    if (kind, x.ndim) in (("signal", 4), ("image", 2)):
        raise DataError(
            f"an array of rank {x.ndim} that should hold {kind}s",
            where=where,
            got=x.shape,
            expected="(N, L) or (N, L, C)" if kind == "signal" else "(N, H, W) or (N, H, W, C)",
        )
    if kind is None and x.ndim == 3:
        _refuse_doubtful_signals(x, where)
    with np.errstate(over="ignore"):
        x = x.astype(np.float32, copy=False)
    if x.ndim == 4:
        _refuse_channels_first(x, where)
        return x, "image"
    if kind == "image":
        return x[..., np.newaxis], "image"
    return (x if x.ndim == 3 else x[..., np.newaxis]), "signal"


def as_labels(
    ys: Sequence[tuple[Array, str]], classes: Array | None, classes_where: str
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Turn the labels of all splits, whole numbers or names, into int64 (N,) and the names of the classes.

    Args:
        ys: each split's labels and where they come from, for errors; the training split first.
        classes: the names in the order of the labels; or None: names are then sorted, whole numbers name themselves.
        classes_where: where ``classes`` come from, for errors.

    Raises:
        DataError: floats, one-hot rows, objects, mixed kinds, or a name that is not among ``classes``.
    """
    flat = [(_flat_labels(y, where), where) for y, where in ys]
    named = [y.dtype.kind == "U" for y, _ in flat]
    if any(named) != all(named):
        raise DataError(
            "labels of two kinds", where=flat[-1][1], got=flat[-1][0].dtype, expected=f"{flat[0][0].dtype}, as before"
        )
    if all(named):
        names = _class_names(classes, classes_where) if classes is not None else _sorted_names([y for y, _ in flat])
        return [_indices(y, names, where) for y, where in flat], names
    integers = [(_int64(y, where), where) for y, where in flat]
    names = _class_names(classes, classes_where) if classes is not None else classes_of_integers(integers)
    return [y for y, _ in integers], names


def classes_of_integers(ys: Sequence[tuple[NDArray[np.int64] | None, str]]) -> tuple[str, ...]:
    """The classes that integer labels imply: ``"0"`` up to the greatest label."""
    top = 0
    for y, where in ys:
        if y is None or not y.size:
            continue
        for row in (int(y.argmin()), int(y.argmax())):
            if not 0 <= y[row] < MAX_CLASSES:
                raise DataError(
                    "label out of range",
                    where=f"{where}, row {row}",
                    got=int(y[row]),
                    expected=f"0 to {MAX_CLASSES - 1}",
                )
        top = max(top, int(y.max()))
    return tuple(str(label) for label in range(top + 1))


def _refuse_doubtful_signals(x: Array, where: str) -> None:
    _, length, depth = x.shape
    if length == depth >= SQUARE:
        raise DataError(
            "grey images or signals? Floats of rank 3 are read as signals, but these are square",
            where=where,
            got=x.shape,
            expected="images (N, H, W, C), or signals (N, L, C)",
            hint="x[..., None] for images; for signals save kind='signal' beside them",
        )
    if length < depth:
        raise DataError(
            "signals deeper than they are long, perhaps channels-first",
            where=where,
            got=f"{x.shape}: length {length}, depth {depth}",
            expected="(N, L, C) with C at most L",
            hint="np.moveaxis(x, 1, -1) if the channels come first; x[..., None] for grey images; "
            "save kind='signal' beside them if it is meant so",
        )


def _refuse_channels_first(x: Array, where: str) -> None:
    _, first, height, width = x.shape
    if first in (1, 3) and height == width > 4:
        raise DataError(
            "these images look channels-first",
            where=where,
            got=x.shape,
            expected="(N, H, W, C)",
            hint="x.transpose(0, 2, 3, 1)",
        )


def _flat_labels(y: Array, where: str) -> Array:
    """Labels as (N,), of integers or of strings (dtype kind U)."""
    if y.ndim == 2 and y.shape[1] == 1:  # as Keras gives CIFAR's
        y = y[:, 0]
    if y.ndim == 2:
        raise DataError(
            "labels of rank 2, perhaps one-hot",
            where=where,
            got=y.shape,
            expected="one label a sample, (N,)",
            hint="y.argmax(axis=1)",
        )
    if y.ndim != 1:
        raise DataError("labels of a wrong rank", where=where, got=y.shape, expected="one label a sample, (N,)")
    if y.dtype.kind == "S":
        try:
            return np.char.decode(y, "utf-8")
        except UnicodeDecodeError as error:
            raise DataError("labels that are not UTF-8", where=where, got=y.dtype, expected="text") from error
    if y.dtype.kind == "f":
        raise _float_labels(y, where)
    if y.dtype.kind not in "biuU":
        raise DataError(
            "labels of this dtype are not read",
            where=where,
            got=y.dtype,
            expected=_LABELS,
            hint="y.astype(str) if these are names",
        )
    return y


def _float_labels(y: Array, where: str) -> DataError:
    """Floats are refused even when they are whole, because measured values look the same; the hint tells them apart."""
    missing = ~np.isfinite(y)
    if missing.any():
        row = int(missing.argmax())
        return DataError(
            "a label that is NaN or infinite",
            where=f"{where}, row {row}",
            got=f"{y[row]} (the first of {int(missing.sum())})",
            expected=_LABELS,
            hint="drop the samples without a label",
        )
    distinct = len(np.unique(y))
    fractions = y != np.floor(y)
    if fractions.any() or distinct > max(MANY_LABELS, len(y) // 2):
        row = int(fractions.argmax())
        seen = f"{y[row]} in row {row}" if fractions.any() else f"{distinct:,} values among {len(y):,} labels"
        return DataError(
            "labels that look like the targets of a regression",
            where=where,
            got=f"{y.dtype}, {seen}",
            expected=_LABELS,
            hint="--task regression for targets",
        )
    return DataError(
        "labels of this dtype are not read", where=where, got=y.dtype, expected=_LABELS, hint="y.astype('int64')"
    )


def _int64(y: Array, where: str) -> NDArray[np.int64]:
    if y.dtype == np.uint64 and y.size and y.max() > np.iinfo(np.int64).max:
        row = int(y.argmax())
        raise DataError("label out of range", where=f"{where}, row {row}", got=int(y[row]), expected="a class from 0")
    return y.astype(np.int64)


def _class_names(classes: Array, where: str) -> tuple[str, ...]:
    if classes.ndim != 1 or classes.dtype.kind not in "USiu":
        raise DataError(
            "these are not names of classes",
            where=where,
            got=f"{classes.dtype} of shape {classes.shape}",
            expected="text, one name a class",
        )
    return tuple(str(name) for name in (_flat_labels(classes, where)))


def _sorted_names(ys: Sequence[Array]) -> tuple[str, ...]:
    return tuple(sorted({str(name) for y in ys for name in np.unique(y)}))


def _indices(y: Array, names: tuple[str, ...], where: str) -> NDArray[np.int64]:
    index = {name: i for i, name in enumerate(names)}
    found, inverse = np.unique(y, return_inverse=True)
    for name in found:
        if str(name) not in index:
            close = nearest(str(name), names)
            raise DataError(
                "a label that is no class",
                where=f"{where}, row {int((y == name).argmax())}",
                got=repr(str(name)),
                expected=f"one of {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}",
                hint=f"did you mean {close}?" if close else None,
            )
    table = np.array([index[str(name)] for name in found], dtype=np.int64)
    return table[inverse] if len(y) else np.empty(0, np.int64)
