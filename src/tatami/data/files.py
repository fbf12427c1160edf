"""Opening files with the one error shape, and the limits on what is read.

A file declares its own size, so a few bytes can ask for any amount of memory. Readers therefore call
:func:`check_declared` before they allocate.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tatami.errors import DataError

MAX_ELEMENTS = 2**31
"""The most values that one file may declare: 2.7 million MNIST images, or 14,000 at 224x224x3."""

MAX_BYTES = 8 * MAX_ELEMENTS
"""The most bytes: every value a float64."""

DEFLATE_RATIO = 1032
"""Deflate makes at most 1,032 bytes of one (zlib's Technical Details, "Maximum Compression Factor")."""


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file for reading; what the system refuses is a :class:`DataError` that names the file."""
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise DataError("no such file", where=str(path)) from error
    except OSError as error:
        raise DataError(
            "cannot open this file", where=str(path), got=error.strerror or str(error), expected="a readable file"
        ) from error
    with file:
        yield file


def check_declared(elements: int, size: int, most: int, where: str) -> None:
    """Raise :class:`DataError` when a header asks for more than the limit or than its file can hold.

    Args:
        elements: how many values the header declares.
        size: how many bytes they take.
        most: how many bytes the file can give at most.
        where: the file, and the array in it where there are several.
    """
    check_limit(elements, size, where)
    if size > most:
        raise DataError(
            "the file is too short for what its header declares",
            where=where,
            got=f"at most {most:,} bytes of data",
            expected=f"{size:,} bytes of data",
            hint="it may be truncated: fetch it again",
        )


def check_limit(elements: int, size: int, where: str) -> None:
    """Raise :class:`DataError` when values in number, or in bytes, are more than tatami reads from one file."""
    if elements > MAX_ELEMENTS or size > MAX_BYTES:
        raise DataError(
            "the header declares more data than tatami reads",
            where=where,
            got=f"{elements:,} values, {size:,} bytes",
            expected=f"at most {MAX_ELEMENTS:,} values, {MAX_BYTES:,} bytes",
            hint="the header may be damaged; otherwise split the file",
        )


def one_line(error: BaseException) -> str:
    """The message of an exception on one line, or its name when it has none."""
    return " ".join(str(error).split()) or type(error).__name__
