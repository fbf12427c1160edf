"""Parquet, through pyarrow, which is an extra."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data.columns import Columns, Text, check_names
from tatami.data.files import check_limit, one_line, opened
from tatami.errors import DataError

_INDEX = "__index_level_"


def read_parquet(path: Path) -> Columns:
    """Read a Parquet file of numbers, text and times. Its rows count from 1, as it has no header row.

    Times become text in ISO 8601. An index that pandas has written is left out.

    Raises:
        DataError: pyarrow is not installed; the file is missing, damaged or too large, has no rows, or a column of
            another type.
    """
    try:
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DataError(
            "Parquet files need pyarrow, which is not installed",
            where=str(path),
            hint="pip install 'tatami[parquet]', or save the table as CSV",
        ) from error
    where = str(path)
    with opened(path) as file:
        try:
            source = parquet.ParquetFile(file)
            rows, width = source.metadata.num_rows, source.metadata.num_columns
            check_limit(rows * width, rows * width * 8, where)
            table = source.read()
            column_names = table.column_names
        except (OSError, ValueError, RuntimeError, MemoryError) as error:  # Arrow's own are of the first three
            raise _damaged(error, where) from error
    if not table.num_rows:
        raise DataError("a table without rows", where=where, expected="one row a series")
    check_names(column_names, where)
    names = [name for name in column_names if not name.startswith(_INDEX)]
    numbers = np.full((table.num_rows, len(names)), np.nan)
    words: dict[int, int] = {}
    for column, name in enumerate(names):
        values = _decoded(table.column(name))
        if _is_number(values.type):
            numbers[:, column] = _floats(values)
        else:
            first = _first_word(values, name, where)
            if first is not None:
                words[column] = first

    def texts(wanted: Sequence[int]) -> list[Text]:
        return [_text(_decoded(table.column(names[column])), where) for column in wanted]

    dropped = len(names) < len(column_names)
    return Columns(
        where,
        tuple(names),
        numbers,
        np.arange(1, table.num_rows + 1),
        words,
        texts,
        notes=(f"{path.name}: the index that pandas wrote is left out",) if dropped else (),
    )


def _decoded(column: Any) -> Any:
    """A column without the dictionary that repeated values may be kept in."""
    return column.cast(column.type.value_type) if _types().is_dictionary(column.type) else column


def _types() -> Any:
    return importlib.import_module("pyarrow.types")


def _is_number(dtype: Any) -> bool:
    types = _types()
    known = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(is_of(dtype) for is_of in known)


def _floats(column: Any) -> NDArray[np.float64]:
    if _types().is_boolean(column.type):
        column = column.cast("uint8")
    floats: NDArray[np.float64] = column.cast("float64", safe=False).fill_null(np.nan).to_numpy()
    return floats


def _first_word(column: Any, name: str, where: str) -> int | None:
    """The first row of a column of text or times that is not empty."""
    types = _types()
    known = (types.is_string, types.is_large_string, types.is_timestamp, types.is_date, types.is_null)
    if not any(is_of(column.type) for is_of in known):
        raise DataError(
            "a column of a type that is not read",
            where=f"{where}, column {name}",
            got=str(column.type),
            expected="numbers, text or times",
            hint="one number a cell: a list a cell becomes a column a step",
        )
    filled = np.flatnonzero(_text(column, where) != "")
    return int(filled[0]) if filled.size else None


def _text(column: Any, where: str) -> Text:
    """A column as text, empty where it holds nothing."""
    try:
        texts = column.cast("string").to_pylist()
    except (ValueError, RuntimeError) as error:  # not UTF-8, for one
        raise _damaged(error, where) from error
    return np.array(["" if text is None else text for text in texts], np.str_)


def _damaged(error: Exception, where: str) -> DataError:
    return DataError(
        "not a readable Parquet file",
        where=where,
        got=one_line(error),
        expected="a whole Parquet file",
        hint="it may be truncated or another kind of file",
    )
