"""A table as it was found, whatever file it stood in: named columns of numbers and text, whose rows know their place.

Letters: R rows, K columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.errors import DataError, nearest

Text = NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Columns:
    """A table.

    Attributes:
        where: the file.
        names: of the columns, no two the same.
        numbers: float64 (R, K), NaN where a cell is empty or not a number.
        lines: int64 (R,): which row of the file each is, from 1; a header is a row too.
        words: by column, the first row of ``numbers`` in which it holds neither a number nor nothing.
        texts: gives columns as they are written, each text (R,).
        has_header: whether the names stand in the file.
        notes: what is to be said about the reading.
    """

    where: str
    names: tuple[str, ...]
    numbers: NDArray[np.float64]
    lines: NDArray[np.int64]
    words: Mapping[int, int]
    texts: Callable[[Sequence[int]], list[Text]]
    has_header: bool = True
    notes: tuple[str, ...] = ()

    def place(self, row: int, column: int | None = None) -> str:
        """How errors call a row, or a cell of it."""
        place = f"{self.where}, row {self.lines[row]}"
        return place if column is None else f"{place}, column {self.names[column]}"

    def listed(self) -> str:
        """The names of the columns, for errors."""
        if not self.has_header:
            return f"no header, so columns 1 to {len(self.names)}"
        return ", ".join(self.names[:12]) + (f", ... {self.names[-1]}" if len(self.names) > 12 else "")

    def index(self, name: str, option: str) -> int:
        """Which column has this name, letter case aside where that is enough.

        Raises:
            DataError: none. ``option`` says which option named it.
        """
        if name in self.names:
            return self.names.index(name)
        alike = [column for column, known in enumerate(self.names) if known.casefold() == name.casefold()]
        if len(alike) == 1:
            return alike[0]
        close = nearest(name, self.names)
        raise DataError(
            f"no column {name!r}, which {option} names",
            where=self.where,
            got=self.listed(),
            hint=f"did you mean {close}?" if close else None,
        )

    def called(self, *names: str) -> list[int]:
        """The columns of these names, letter case aside."""
        return [column for column, known in enumerate(self.names) if known.strip().casefold() in names]

    def filled(self, column: int) -> Text:
        """A column as it is written, (R,), without blanks around.

        Raises:
            DataError: a cell is empty or NaN.
        """
        [text] = self.texts([column])
        text = np.char.strip(text)
        empty = (text == "") | (np.char.lower(text) == "nan")
        if empty.any():
            raise DataError("an empty cell", where=self.place(int(empty.argmax()), column), expected="a value")
        return text

    def values(self, columns: Sequence[int]) -> NDArray[np.float32]:
        """Columns as float32 (R, number of columns).

        Raises:
            DataError: a cell that is empty, NaN, infinite in float32, or not a number.
        """
        with np.errstate(over="ignore"):
            values = self.numbers[:, columns].astype(np.float32)
        bad = ~np.isfinite(values)
        if not bad.any():
            return values
        row, at = (int(index) for index in np.argwhere(bad)[0])
        column = columns[at]
        text = str(self.texts([column])[0][row]).strip()
        if text == "" or text.lower() == "nan":
            raise DataError(
                "an empty cell" if text == "" else "a missing value",
                where=self.place(row, column),
                got=None if text == "" else text,
                expected="a number",
                hint="fill the gaps, or drop the rows, before training",
            )
        raise DataError(
            "a cell that is not a finite number in float32",
            where=self.place(row, column),
            got=repr(text if len(text) <= 40 else f"{text[:40]}..."),
            expected="a number",
            hint="--label and --group name columns that are no values; drop others" if column in self.words else None,
        )


def check_names(names: Sequence[str], where: str) -> None:
    """Raise :class:`DataError` where two columns have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError("two columns have one name", where=where, got=repr(name), expected="a name a column")
        seen.add(name)
