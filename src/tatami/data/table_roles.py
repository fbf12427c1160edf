"""What each column of a table is for, as options name it or as its name tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data.columns import Columns
from tatami.data.options import DataOptions
from tatami.errors import DataError

LABELS = ("label", "class", "target")
SERIES, TIMES = ("id", "series", "series_id"), ("time", "t", "timestamp")


@dataclass(frozen=True)
class Roles:
    """Numbers of columns.

    Attributes:
        values: of a wide table the time steps, of a long one the channels.
        labels: one, or one a target; none where the table has no labels.
        group, split: where the table has them.
        series, time: of a long table.
        name: of a wide table, the column that says what each series is called.
        notes: on what was chosen by name or place.
    """

    values: tuple[int, ...]
    labels: tuple[int, ...] = ()
    group: int | None = None
    split: int | None = None
    series: int | None = None
    time: int | None = None
    name: int | None = None
    notes: tuple[str, ...] = ()


def roles_of(table: Columns, options: DataOptions, *, needs_label: bool = True) -> Roles:
    """Find out what each column is for; :func:`tatami.data.table.load_table` says how.

    Args:
        table: the table.
        options: its ``label``, ``group``, ``series`` and ``time``.
        needs_label: whether columns that ``options`` name for the label and the group must be there.

    Raises:
        DataError: a named column is missing, two columns could be the label, or no column of values is left.
    """
    notes: list[str] = []
    series, time = _long(table, options, notes)
    name = None
    if series is None and len(named := table.called(*SERIES)) == 1 and options.label != table.names[named[0]]:
        name = named[0]
        notes.append(f"column {table.names[name]} is taken for the names of the series")
    group = None
    if options.group is not None and (needs_label or table.called(options.group.strip().casefold())):
        group = table.index(options.group, "--group")
    split = next(iter(table.called("split")), None)
    taken = {column for column in (series, time, name, group, split) if column is not None}
    labels = _labels(table, options, taken, notes, needs_label)
    values = tuple(column for column in range(len(table.names)) if column not in taken and column not in labels)
    if not values:
        raise DataError("no columns of values", where=table.where, got=table.listed(), expected="at least one")
    return Roles(values, labels, group, split, series, time, name, tuple(notes))


def _long(table: Columns, options: DataOptions, notes: list[str]) -> tuple[int | None, int | None]:
    """The columns of the series and of the time, of a long table."""
    if (options.series is None) != (options.time is None):
        given, missing = ("--series", "--time") if options.time is None else ("--time", "--series")
        raise DataError(f"{given} without {missing}", where=table.where, expected="both, for a table in long form")
    if options.series is not None and options.time is not None:
        return table.index(options.series, "--series"), table.index(options.time, "--time")
    series, times = table.called(*SERIES), table.called(*TIMES)
    if len(series) != 1 or len(times) != 1:
        return None, None
    [ids] = table.texts(series)
    if len(np.unique(ids)) == len(ids):
        return None, None
    notes.append(
        f"read in long form: rows of one {table.names[series[0]]} are a series, ordered by {table.names[times[0]]}"
    )
    return series[0], times[0]


def _labels(
    table: Columns, options: DataOptions, taken: set[int], notes: list[str], needs_label: bool
) -> tuple[int, ...]:
    if options.label is not None:
        wanted = [options.label] if options.label in table.names else options.label.split(",")
        wanted = [name.strip() for name in wanted]
        if not needs_label:
            wanted = [name for name in wanted if table.called(name.casefold())]
        return tuple(dict.fromkeys(table.index(name, "--label") for name in wanted))
    called = table.called(*LABELS)
    if not called and not table.called("x", "z"):  # beside these y is a direction in space
        called = table.called("y")
    called = [column for column in called if column not in taken]
    if len(called) > 1:
        raise DataError(
            "several columns could hold the labels",
            where=table.where,
            got=", ".join(table.names[column] for column in called),
            expected="one of them named",
            hint=f"--label {table.names[called[0]]}",
        )
    if called:
        return (called[0],)
    rest = [column for column in range(len(table.names)) if column not in taken]
    for column, place in ((rest[0], "first"), (rest[-1], "last")) if rest else ():
        if column in table.words:
            notes.append(f"column {table.names[column]}, the {place}, is taken for the labels, as it is not of numbers")
            return (column,)
    return ()
