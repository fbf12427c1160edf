"""CSV: text in columns parted by commas, semicolons or tabs, with or without a header."""

from __future__ import annotations

import csv
import io
import itertools
import math
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tatami.data.columns import Columns, Text, check_names
from tatami.data.files import one_line, opened
from tatami.errors import DataError

COUNTED = 8
"""From so many cells on, a first row of 0, 1, 2, and so on, names columns."""


def read_csv(path: Path) -> Columns:
    """Read a CSV file.

    The first row is a header unless all of its cells are numbers, or some are and do not rise, as the numbers that
    name columns do; from :data:`COUNTED` cells on, a first row that counts from 0 or 1 is one too. Columns without a
    header are called 1, 2, and so on. A first column without a name, as pandas writes its index, is left out.

    Raises:
        DataError: the file is missing, empty, not UTF-8 text, has no rows, rows of unequal numbers of cells, or two
            columns of one name. Names the row.
    """
    where = str(path)
    with _reader(path) as rows:
        first = next(((line, cells) for line, cells in rows), None)
        if first is None:
            raise DataError("an empty file", where=where, got="no rows", expected="a header, and one row a series")
        names = [cell.strip() for cell in first[1]]
        width = len(names)
        has_header = _is_header(names)
        values, lines = array("d"), array("q")
        words: dict[int, int] = {}
        if not has_header:
            names = [str(column) for column in range(1, width + 1)]
            _append(first[1], values, words, 0)
            lines.append(first[0])
        for line, cells in rows:
            if len(cells) != width:
                raise DataError(
                    "a row of another number of cells than the first",
                    where=f"{where}, row {line}",
                    got=len(cells),
                    expected=str(width),
                )
            _append(cells, values, words, len(lines))
            lines.append(line)
    if not lines:
        raise DataError("a header without rows", where=where, expected="one row a series below it")
    skipped = 1 if has_header and width > 1 and not names[0] else 0
    check_names(names[skipped:], where)
    notes = [f"{path.name}: the first column has no name and is left out"] if skipped else []
    if has_header and _counts(names):
        notes.append(f"{path.name}: the first row, {names[0]} to {names[-1]}, is taken for a header")
    numbers = np.frombuffer(values, np.float64).reshape(len(lines), width)

    def texts(columns: Sequence[int]) -> list[Text]:
        with _reader(path) as rows:
            if has_header:
                next(rows)
            kept = [[cells[column + skipped] for column in columns] for _, cells in rows]
        return [np.array([cells[at] for cells in kept]) for at in range(len(columns))]

    return Columns(
        where,
        tuple(names[skipped:]),
        numbers[:, skipped:],
        np.frombuffer(lines, np.int64),
        {column - skipped: row for column, row in words.items() if column >= skipped},
        texts,
        has_header,
        tuple(notes),
    )


@contextmanager
def _reader(path: Path) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """The rows that are not blank, with their numbers in the file from 1."""
    with opened(path) as file:
        text = io.TextIOWrapper(file, "utf-8-sig", newline="")

        def rows() -> Iterator[tuple[int, list[str]]]:
            line = 0
            try:
                head = text.readline()
                text.seek(0)
                for line, cells in enumerate(csv.reader(text, delimiter=_delimiter(head), skipinitialspace=True), 1):
                    if cells and (cells[0].strip() or any(cell.strip() for cell in cells)):
                        yield line, cells
            except UnicodeDecodeError as error:
                raise DataError(
                    "not a text in UTF-8",
                    where=f"{path}, after row {line}",
                    got=one_line(error),
                    hint="save it as CSV UTF-8",
                ) from error
            except csv.Error as error:
                raise DataError("not a CSV file", where=f"{path}, row {line + 1}", got=one_line(error)) from error

        yield rows()


def _delimiter(head: str) -> str:
    """What parts the cells of the first line: the most frequent of the three that are in use."""
    return max(",;\t", key=head.count)


def _append(cells: list[str], values: array[float], words: dict[int, int], row: int) -> None:
    """Add the cells of a row as numbers, NaN where one is none, and keep where words are first met."""
    cells = ["nan" if column in words else cell for column, cell in enumerate(cells)] if words else cells
    try:
        values.extend([float(cell) for cell in cells])
    except ValueError:
        for column, cell in enumerate(cells):
            value = _number(cell)
            if value is None:
                if cell.strip():
                    words[column] = row
                value = math.nan
            values.append(value)


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _counts(cells: Sequence[str]) -> bool:
    """Whether cells are the whole numbers from 0 or 1, too many to be so by chance: columns that a program numbered."""
    return len(cells) >= COUNTED and any(list(cells) == [str(n + k) for n in range(len(cells))] for k in (0, 1))


def _is_header(cells: Sequence[str]) -> bool:
    numbers = [number for number in map(_number, cells) if number is not None]
    if len(numbers) == len(cells):
        return _counts(cells)
    return all(low < high for low, high in itertools.pairwise(numbers))
