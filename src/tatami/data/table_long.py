"""Tables in long form: one row a time step, which says to which series it belongs.

Letters: R rows, N series, L time steps, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from tatami.data.columns import Columns, Text
from tatami.data.dataset import Array
from tatami.data.table_roles import Roles
from tatami.errors import DataError


@dataclass(frozen=True, eq=False)
class LongSeries:
    """The series of a long table, in the order in which the table first mentions them.

    Attributes:
        x: (L, C) float32, each ordered by time.
        names: as the series are called in the table.
        labels: text (N,), one a label column.
        groups, splits: text (N,), where the table has them.
    """

    x: list[Array]
    names: list[str]
    labels: list[Text]
    groups: Text | None
    splits: Text | None


def long_series(table: Columns, roles: Roles) -> LongSeries:
    """Gather the rows of each series.

    Raises:
        DataError: an empty cell or one that is not a number, a time that is neither a number nor a date, two rows of
            one series at one time, or a label, group or split that changes within a series.
    """
    assert roles.series is not None
    assert roles.time is not None
    ids = table.filled(roles.series)
    times = _times(table, roles.time)
    values = table.values(roles.values)
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    heads = np.sort(first)
    which = np.searchsorted(heads, first[inverse])
    order = np.lexsort((times, which))
    _refuse_equal_times(table, roles.time, ids, times, which, order)
    starts = np.searchsorted(which[order], np.arange(len(heads)))

    def constant(column: int) -> Text:
        cells = table.filled(column)
        changed = cells != cells[heads[which]]
        if changed.any():
            row = int(changed.argmax())
            raise DataError(
                f"{table.names[column]} changes within series {ids[row]}",
                where=table.place(row, column),
                got=repr(str(cells[row])),
                expected=f"{str(cells[heads[which[row]]])!r}, as in row {table.lines[heads[which[row]]]}",
            )
        return cells[heads]

    return LongSeries(
        np.split(values[order], starts[1:]),
        [str(name) for name in ids[heads]],
        [constant(column) for column in roles.labels],
        None if roles.group is None else constant(roles.group),
        None if roles.split is None else constant(roles.split),
    )


def _refuse_equal_times(
    table: Columns, time: int, ids: Text, times: NDArray[np.float64], which: Array, order: Array
) -> None:
    twice = (np.diff(which[order]) == 0) & (np.diff(times[order]) == 0)
    if twice.any():
        at = int(twice.argmax())
        row, other = int(order[at + 1]), int(order[at])
        raise DataError(
            f"two rows of series {ids[row]} at one time",
            where=table.place(row, time),
            got=repr(str(table.texts([time])[0][row])),
            expected=f"another time than in row {table.lines[other]}",
        )


def _times(table: Columns, column: int) -> NDArray[np.float64]:
    """Times (R,) as numbers, dates as seconds since 1970; those without a time zone are taken for UTC."""
    texts = table.filled(column)
    if column not in table.words:
        times = table.numbers[:, column]
    else:
        times = np.array([_seconds(str(text)) for text in texts])
    bad = ~np.isfinite(times)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            "neither a number nor a date",
            where=table.place(row, column),
            got=repr(str(texts[row])),
            expected="a time, such as 12.5 or 2025-06-30 12:00:00 (ISO 8601)",
        )
    return times


def _seconds(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
