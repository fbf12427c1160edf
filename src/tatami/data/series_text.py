"""The two text forms of the UCR/UEA archive of time series: ``.ts`` of sktime and aeon, and ``.tsv``.

https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html describes the first; a line of the
second is a label and values, parted by tabs, with NaN behind where series are of unequal lengths (Dau et al., The UCR
Time Series Archive, 2018).

Letters: L time steps, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tatami.data.dataset import Array
from tatami.data.text_lines import text_lines
from tatami.data.ts_header import Header, read_header
from tatami.errors import DataError, nearest

MISSING = ("", "?", "nan")
"""How a value that is missing is written, letter case aside."""

_TS = "lines of @tags, then @data, then one series a line"


@dataclass(frozen=True, eq=False)
class SeriesFile:
    """What a file holds.

    Attributes:
        x: series (L, C), float32, of any lengths and one C.
        labels: as they were written, one a series; empty where the file has none.
        lines: in which line of the file each series stands, from 1.
        classes: as the file declares them; empty where it does not.
        has_targets: whether the file says that its labels are numbers to be met.
    """

    x: list[Array]
    labels: list[str]
    lines: list[int]
    classes: tuple[str, ...] = ()
    has_targets: bool = False


def read_series(path: Path, *, with_labels: bool = True) -> SeriesFile:
    """Read a ``.ts`` or a ``.tsv`` file, as its ending says.

    Args:
        path: the file.
        with_labels: whether labels are read and checked; otherwise they are passed over.

    Raises:
        DataError: not such a file, a missing value within a series, rows that do not agree with one another or with
            what the file declares. Names the line.
    """
    return _read_tsv(path, with_labels) if path.suffix.lower() == ".tsv" else _read_ts(path, with_labels)


def _read_tsv(path: Path, with_labels: bool) -> SeriesFile:
    found = SeriesFile([], [], [])
    for number, line in text_lines(path):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        label, *cells = line.split("\t")
        while cells and cells[-1].strip().lower() in MISSING:
            cells.pop()
        if not cells:
            raise DataError(
                "a line without values",
                where=where,
                got=_shortened(line),
                expected="a label and values, parted by tabs",
            )
        if with_labels and label.strip().lower() in MISSING:
            raise DataError("a label is missing", where=where, got=repr(label), expected="a label before the first tab")
        found.x.append(_values(cells, where)[:, np.newaxis])
        found.labels.append(label.strip())
        found.lines.append(number)
    return _not_empty(found, path)


def _read_ts(path: Path, with_labels: bool) -> SeriesFile:
    tags: dict[str, tuple[int, list[str]]] = {}
    header: Header | None = None
    found = SeriesFile([], [], [])
    channels: int | None = None
    for number, line in text_lines(path):
        text, where = line.strip(), f"{path}, line {number}"
        if not text or text[0] in "#%":
            continue
        if header is not None:
            x, label = _row(text, header, channels, where)
            channels = x.shape[1]
            found.x.append(x)
            found.lines.append(number)
            if header.labelled and with_labels:
                found.labels.append(_label(label, header, where))
        elif text[0] == "@":
            tag, *values = text.split()
            tags[tag.lower()] = number, values
            if tag.lower() == "@data":
                header = read_header(tags, path)
                channels = header.channels
        else:
            raise DataError("neither a tag nor a comment", where=where, got=_shortened(text), expected=_TS)
    if header is None:
        raise DataError("no @data in this file", where=str(path), expected=_TS)
    _not_empty(found, path)
    return SeriesFile(found.x, found.labels, found.lines, header.classes, header.has_targets)


def _row(text: str, header: Header, channels: int | None, where: str) -> tuple[Array, str]:
    """One series (L, C) and its label, empty where the file has none."""
    parts = text.split(":")
    label = parts.pop() if header.labelled else ""
    if len(parts) != (channels or max(1, len(parts))):
        raise DataError(
            "another number of dimensions than before",
            where=where,
            got=f"{len(parts)}",
            expected=f"{channels}{' and a label' if header.labelled else ''}, parted by colons",
        )
    values = [
        _values(part.split(","), where if len(parts) == 1 else f"{where}, dimension {channel}")
        for channel, part in enumerate(parts, 1)
    ]
    lengths = [len(each) for each in values]
    if min(lengths) != max(lengths):
        raise DataError(
            "dimensions of unequal lengths in one series",
            where=where,
            got=f"{min(lengths)} to {max(lengths)} values",
            expected="one value a step in each dimension",
        )
    if header.length is not None and lengths[0] != header.length:
        raise DataError(
            "a series of another length than the file declares",
            where=where,
            got=f"{lengths[0]} values",
            expected=f"@seriesLength {header.length}",
            hint="the line may be cut off; for series of unequal lengths the file says @equalLength false",
        )
    return np.stack(values, axis=1), label.strip()


def _label(label: str, header: Header, where: str) -> str:
    if label.lower() in MISSING:
        raise DataError("a label is missing", where=where, got=repr(label), expected="a label behind the last colon")
    if header.has_targets:
        try:
            if math.isfinite(float(label)):
                return label
        except ValueError:
            pass
        raise DataError("a target that is not a number", where=where, got=repr(label), expected="a finite number")
    if not header.classes or label in header.classes:
        return label
    alike = [name for name in header.classes if name.casefold() == label.casefold()]
    if len(alike) == 1:
        return alike[0]
    close = nearest(label, header.classes)
    names = ", ".join(header.classes[:10]) + (", ..." if len(header.classes) > 10 else "")
    raise DataError(
        "a label that is no class",
        where=where,
        got=_shortened(label),
        expected=f"one of {names}, as @classLabel says",
        hint=f"did you mean {close}?" if close else None,
    )


def _values(cells: Sequence[str], where: str) -> Array:
    """Numbers as float32 (L,)."""
    try:
        values = np.array([float(cell) for cell in cells])
    except ValueError:
        values = np.array([_float_or_nan(cell) for cell in cells])
    with np.errstate(over="ignore"):
        numbers = values.astype(np.float32)
    bad = ~np.isfinite(numbers)
    if bad.any():
        first = int(bad.argmax())
        missing = cells[first].strip().lower() in MISSING
        raise DataError(
            "a missing value" if missing else "a value that is no number in the range of float32",
            where=f"{where}, value {first + 1}",
            got=_shortened(cells[first]),
            expected="a finite number",
            hint="fill the gaps, or drop the series, before training" if missing else None,
        )
    return numbers


def _float_or_nan(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _not_empty(found: SeriesFile, path: Path) -> SeriesFile:
    if not found.x:
        raise DataError("no series in this file", where=str(path), expected="at least one")
    return found


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
