"""Tables of series, CSV or Parquet, with one row a series or one row a time step.

Letters: N series, L time steps, C channels, R rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tatami.data.assemble import Found, assemble
from tatami.data.columns import Columns, Text
from tatami.data.dataset import SPLIT_NAMES, SPLITS, Array, Dataset
from tatami.data.options import DataOptions
from tatami.data.table_csv import read_csv
from tatami.data.table_long import long_series
from tatami.data.table_parquet import read_parquet
from tatami.data.table_roles import Roles, roles_of
from tatami.data.targets import written_labels
from tatami.errors import DataError

SUFFIXES = (".csv", ".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Series of a table, or some of them.

    Attributes:
        x: (N, L, C) of a wide table; a list of (L, C) of a long one.
        labels: text (N,), one column a target.
        names: what each series is called.
        groups, splits: text (N,), where the table has them.
    """

    x: Array | list[Array]
    labels: list[Text]
    names: list[str]
    groups: Text | None
    splits: Text | None

    def take(self, rows: NDArray[np.intp]) -> _Rows:
        """The series of these numbers."""
        return _Rows(
            self.x[rows] if isinstance(self.x, np.ndarray) else [self.x[row] for row in rows],
            [labels[rows] for labels in self.labels],
            [self.names[row] for row in rows],
            None if self.groups is None else self.groups[rows],
            None,
        )


def recognises(path: Path) -> bool:
    """Whether a path is a CSV or Parquet file, or a folder with a ``train.csv`` or ``train.parquet`` in it."""
    if path.is_dir():
        # Beside a folder train/, a train.csv only lists what lies there.
        return not (path / "train").is_dir() and any(_named(path, suffix).get("train") for suffix in SUFFIXES)
    return path.suffix.lower() in SUFFIXES


def load_table(path: Path, options: DataOptions, source: str) -> Dataset:
    """Read a data set from tables.

    A wide table has one row a series: its label, perhaps its group, and values. A long one has one row a time step:
    which series it belongs to, its time, the label, which is the same in all rows of a series, and one column a
    channel. It is long where ``options.series`` and ``options.time`` name these columns, or where one column is called
    ``id``, ``series`` or ``series_id``, one ``time``, ``t`` or ``timestamp``, and a series has several rows.

    The label is the column that ``options.label`` names; else the one called ``label``, ``class`` or ``target``; else
    ``y``, unless ``x`` or ``z`` is beside it; else the first or the last column if it is not of numbers. A column
    ``split`` divides the series into train, val and test; so do files of these names in one folder.

    Args:
        path: a CSV or Parquet file, or a folder with ``train.csv`` and perhaps ``val.csv`` and ``test.csv``.
        options: its ``label``, ``group``, ``series``, ``time``, ``length`` and ``task``.
        source: what the user wrote, for errors.

    Raises:
        DataError: names the file, the row (from 1, a header counted) and the column.
    """
    files = _files(path)
    found: dict[str, tuple[Path, _Rows]] = {}
    notes: list[str] = []
    targets: Sequence[str] = ()
    values: list[str] = []
    for split, file in files.items():
        table = _read(file)
        roles = roles_of(table, options)
        if not roles.labels:
            raise DataError(
                "cannot tell which column holds the labels",
                where=table.where,
                got=table.listed(),
                expected="a column label, class, target or y, or a first or last column that is not numbers",
                hint="--label NAME" if table.has_header else f"--label 1 for the first column, {_last(table)}",
            )
        if targets and len(targets) != len(roles.labels):
            raise DataError(
                "another number of label columns than before",
                where=table.where,
                got=len(roles.labels),
                expected=f"{len(targets)}: {', '.join(targets)}",
            )
        targets = targets or [table.names[column] for column in roles.labels]
        rows = _rows(table, roles)
        notes += [note for note in (*table.notes, *roles.notes) if note not in notes]
        if rows.splits is None:
            found[split] = file, rows
        elif len(files) > 1:
            raise DataError(
                "a column split in one of several files", where=table.where, expected="either of them", hint="drop it"
            )
        else:
            assert roles.split is not None
            divided = _divided(rows.splits, table, roles.split)
            found = {name: (file, rows.take(which)) for name, which in divided.items()}
        mine = [table.names[column] for column in roles.values]
        values = values or mine
        if mine != values:
            raise DataError(
                "other columns of values than before, or in another order",
                where=table.where,
                got=_first_columns(mine),
                expected=f"{_first_columns(values)}, as in {files['train'].name}",
            )
    if len(targets) > 1:
        options = _of_targets(options, targets, source)
    ys, classes = _labels([rows.labels for _, rows in found.values()], options)
    splits = {}
    for (split, (file, rows)), y in zip(found.items(), ys, strict=True):
        place = file.name if len(found) == 1 or len(files) > 1 else f"{file.name}, {split} split"
        splits[split] = Found(rows.x, y, place, f"labels of {place}", rows.names, rows.groups)
    name = path.resolve().name if path.is_dir() else path.stem
    return assemble(name, "signal", splits, options, source, classes=classes, targets=targets, notes=notes)


def read_table_inputs(path: Path, options: DataOptions = DataOptions()) -> tuple[list[Array], list[str]]:  # noqa: B008
    """Read series (L, C), float32, and what they are called, ``a.csv[0]`` or ``a.csv[ID]``; labels are passed over.

    The label column may be missing; where it is there it is found as :func:`load_table` finds it.
    """
    table = _read(path)
    roles = roles_of(table, options, needs_label=False)
    if roles.series is not None:
        series = long_series(table, replace(roles, labels=(), group=None, split=None))
        return series.x, [f"{path}[{name}]" for name in series.names]
    x = table.values(roles.values)[:, :, np.newaxis]
    return list(x), [f"{path}[{row}]" for row in range(len(x))]


def _first_columns(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _read(file: Path) -> Columns:
    return read_csv(file) if file.suffix.lower() == ".csv" else read_parquet(file)


def _named(folder: Path, suffix: str) -> dict[str, Path]:
    """The files of one ending that are called as splits are."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(file.stem.casefold())
        if split is None or file.suffix.lower() != suffix or not file.is_file():
            continue
        if split in found:
            raise DataError(
                f"two files for the {split} split",
                where=str(folder),
                got=f"{found[split].name} and {file.name}",
                expected="one of them",
            )
        found[split] = file
    return found


def _files(path: Path) -> Mapping[str, Path]:
    if not path.is_dir():
        return {"train": path}
    sets = [files for suffix in SUFFIXES if "train" in (files := _named(path, suffix))]
    if not sets:
        raise DataError("no tables here", where=str(path), expected="train.csv or train.parquet")
    if len(sets) > 1:
        raise DataError(
            "two data sets in one folder",
            where=str(path),
            got=" and ".join(files["train"].name for files in sets),
            expected="one of them",
        )
    return {split: sets[0][split] for split in SPLITS if split in sets[0]}


def _last(table: Columns) -> str:
    return f"--label {len(table.names)} for the last"


def _rows(table: Columns, roles: Roles) -> _Rows:
    if len(roles.labels) > 1:
        table.values(roles.labels)  # several labels are targets: numbers, or an error that names the cell
    if roles.series is not None:
        series = long_series(table, roles)
        names = [f"{table.names[roles.series]} {name}" for name in series.names]
        return _Rows(series.x, series.labels, names, series.groups, series.splits)
    if roles.name is None:
        names = [f"{Path(table.where).name} row {line}" for line in table.lines]
    else:
        names = [str(name) for name in table.texts([roles.name])[0]]
    return _Rows(
        table.values(roles.values)[:, :, np.newaxis],
        [table.filled(column) for column in roles.labels],
        names,
        None if roles.group is None else table.filled(roles.group),
        None if roles.split is None else table.filled(roles.split),
    )


def _divided(cells: Text, table: Columns, split: int) -> dict[str, NDArray[np.intp]]:
    """Which series belong to which split."""
    meant = np.array([SPLIT_NAMES.get(str(cell).casefold(), "") for cell in cells])
    if (meant == "").any():
        wrong = str(cells[int((meant == "").argmax())])
        row = int((table.filled(split) == wrong).argmax())
        raise DataError(
            "no split of this name",
            where=table.place(row, split),
            got=repr(wrong),
            expected="train, val or test",
        )
    if "train" not in meant:
        got = ", ".join(sorted({str(each) for each in meant}))
        raise DataError("no series of the training split", where=table.where, got=got, expected="train, val and test")
    return {name: np.flatnonzero(meant == name) for name in SPLITS if name in meant}


def _of_targets(options: DataOptions, targets: Sequence[str], source: str) -> DataOptions:
    """The options for several columns of labels, which only a regression has."""
    if options.task == "classification":
        raise DataError(
            "several columns of labels", where=source, got=", ".join(targets), expected="one, to tell classes apart"
        )
    return replace(options, task="regression")


def _labels(labels: Sequence[Sequence[Text]], options: DataOptions) -> tuple[list[Array], Array | None]:
    """The labels of each split, (N,) or (N, T), and the names of the classes where they are numbers."""
    if len(labels[0]) == 1:
        return written_labels([columns[0] for columns in labels], options.task)
    return [np.stack(columns, axis=1) for columns in labels], None
