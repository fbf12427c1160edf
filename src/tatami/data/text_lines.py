"""Text files, line by line, whatever system wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tatami.data.files import opened
from tatami.errors import DataError


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file with their numbers from 1, without their ends and without a byte order mark.

    UTF-8; a line that is not is taken for Latin-1, as comments in old archives are.

    Raises:
        DataError: it cannot be opened, is empty, or holds a zero byte, as no text does.
    """
    number = 0
    with opened(path) as file:
        for number, raw in enumerate(file, 1):
            if b"\0" in raw:
                raise DataError(
                    "not a text file", where=f"{path}, line {number}", got="a zero byte", expected="text in UTF-8"
                )
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                line = raw.decode("latin-1")
            yield number, line.rstrip("\r\n")
    if not number:
        raise DataError("an empty file", where=str(path), got="0 bytes", expected="text")
