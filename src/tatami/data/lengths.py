"""Series of unequal lengths brought to one: padded with zeros behind, or cropped at the end.

Letters: N samples, L time steps, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from tatami.data.dataset import Array
from tatami.data.files import MAX_ELEMENTS
from tatami.errors import DataError

Length = Literal["longest", "shortest"] | int | None

_HINT = "--length longest pads with zeros, --length shortest crops, --length N does both"


def equal_lengths(
    xs: Sequence[tuple[Array | Sequence[Array], str]], length: Length
) -> tuple[list[Array], tuple[str, ...]]:
    """Bring the series of all splits to one length.

    Args:
        xs: the samples of each split, the training split first, and where they come from: images (N, H, W, C), which
            stay as they are; signals (N, L, C); or a list of signals (L, C) of any lengths.
        length: a number of steps, or ``longest`` or ``shortest`` of the training split; None where no series is to be
            changed.

    Returns:
        Each split as one array, and a note on what was changed, if anything was.

    Raises:
        DataError: unequal lengths while ``length`` is None; series without a step, or of unequal numbers of channels
            in one split; more values than tatami reads. Names the sample, from 0.
    """
    for x, where in xs:
        _check_series(x, where)
    lengths = [_lengths(x) for x, _ in xs]
    known = [each for split in lengths for each in split]
    if not known:
        return [np.asarray(x) for x, _ in xs], ()
    if length is None:
        if any(not isinstance(x, np.ndarray) for x, _ in xs):
            _refuse_unequal(xs, lengths)
        return [x if isinstance(x, np.ndarray) else np.stack(list(x)) for x, _ in xs], ()
    steps = length if isinstance(length, int) else (max if length == "longest" else min)(lengths[0])
    for x, where in xs:
        _check_limit(x, steps, where)
    notes = () if set(known) == {steps} else (_note(min(known), max(known), steps),)
    return [_brought(x, steps) for x, _ in xs], notes


def fit_length(series: Array, steps: int) -> Array:
    """One series (L, C) as float32 (``steps``, C): zeros behind, or cropped at the end."""
    brought = np.zeros((steps, *series.shape[1:]), np.float32)
    kept = min(steps, len(series))
    brought[:kept] = series[:kept]
    return brought


def _check_series(x: Array | Sequence[Array], where: str) -> None:
    if isinstance(x, np.ndarray):
        return
    if not len(x):
        raise DataError("no samples at all", where=where, got="0 series", expected="at least one")
    for row, series in enumerate(x):
        if series.ndim != 2 or not series.shape[0]:
            raise DataError(
                "a series without a step", where=f"{where}, row {row}", got=series.shape, expected="(L, C), L from 1"
            )
        if series.shape[1] != x[0].shape[1]:
            raise DataError(
                "a series of another number of channels",
                where=f"{where}, row {row}",
                got=series.shape[1],
                expected=f"{x[0].shape[1]}, as in row 0",
            )


def _lengths(x: Array | Sequence[Array]) -> list[int]:
    """The distinct lengths of signals; none of images."""
    if isinstance(x, np.ndarray):
        return [x.shape[1]] if x.ndim == 3 else []
    return sorted({len(series) for series in x})


def _refuse_unequal(xs: Sequence[tuple[Array | Sequence[Array], str]], lengths: Sequence[Sequence[int]]) -> None:
    known = [each for split in lengths for each in split]
    low, high = min(known), max(known)
    if low == high:
        return
    raise DataError(
        "series of unequal lengths",
        where=xs[0][1],
        got=f"{low:,} steps ({_first(xs, low)}) to {high:,} steps ({_first(xs, high)})",
        expected="one length, or a word on what to do",
        hint=_HINT,
    )


def _first(xs: Sequence[tuple[Array | Sequence[Array], str]], steps: int) -> str:
    """The first series of a length: its row, and where that is unless it is in the training split."""
    x, where = next((x, where) for x, where in xs if steps in _lengths(x))
    row = next(row for row, series in enumerate(x) if len(series) == steps)
    return f"row {row}" if where == xs[0][1] else f"row {row} of {where}"


def _check_limit(x: Array | Sequence[Array], steps: int, where: str) -> None:
    channels = x.shape[2:] if isinstance(x, np.ndarray) else x[0].shape[1:]
    values = len(x) * steps * math.prod(channels)
    if values > MAX_ELEMENTS and max(_lengths(x), default=steps) < steps:
        raise DataError(
            "series padded to this length would be more data than tatami reads",
            where=where,
            got=f"{values:,} values",
            expected=f"at most {MAX_ELEMENTS:,} values",
            hint=f"the longest series has {max(_lengths(x)):,} steps",
        )


def _note(low: int, high: int, steps: int) -> str:
    span = f"series of {low:,} steps" if low == high else f"series of {low:,} to {high:,} steps"
    if steps >= high:
        return f"{span} are padded with zeros to {steps:,}"
    if steps <= low:
        return f"{span} are cropped to {steps:,}"
    return f"{span} are padded with zeros or cropped to {steps:,}"


def _brought(x: Array | Sequence[Array], steps: int) -> Array:
    if isinstance(x, np.ndarray):
        if x.ndim != 3 or x.shape[1] == steps:
            return x
        if x.shape[1] > steps:
            return x[:, :steps]
        return np.pad(x, ((0, 0), (0, steps - x.shape[1]), (0, 0)))
    return np.stack([fit_length(series, steps) for series in x])
