"""``events.jsonl`` read piece by piece while it grows: several readers, each at its own place."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from tatami.errors import RunError
from tatami.train.run import EVENTS

MOST = 2**19
"""Bytes in one piece, about."""

TAIL = 64
"""Bytes before a place by which it is known again."""


@dataclass(frozen=True)
class Piece:
    """Some lines of the file.

    Attributes:
        events: the lines as they are, JSON.
        next: where to read on.
        mark: what lies before that place; to be given with it.
        size: of the file.
        again: whether this piece begins at the start because the file is another now, as a training that goes on drops
            what it does again. What was read before no longer holds.
    """

    events: list[msgspec.Raw]
    next: int
    mark: int
    size: int
    again: bool = False


def read_piece(run: Path, start: int = 0, mark: int = 0, most: int = MOST) -> Piece:
    """The whole lines from a place on, about ``most`` bytes; none where nothing new has been written.

    Args:
        run: its directory; one without events yet has none.
        start: ``next`` of the piece before; 0 for the first.
        mark: its ``mark``.
        most: bytes.

    Raises:
        RunError: the file cannot be read.
    """
    try:
        with (run / EVENTS).open("rb") as file:
            size = file.seek(0, 2)
            again = start > 0 and (start > size or _mark(file, start) != mark)
            start = 0 if again or start < 0 else start
            file.seek(start)
            text = file.read(most)
            if len(text) == most:
                text += file.readline()
            text = text[: text.rfind(b"\n") + 1]
            end = start + len(text)
            return Piece(_lines(text), end, _mark(file, end), size, again)
    except FileNotFoundError:
        return Piece([], 0, 0, 0, again=start > 0)
    except OSError as error:
        raise RunError(f"{EVENTS} cannot be read", where=run.name, got=error.strerror) from error


def _mark(file: BinaryIO, at: int) -> int:
    file.seek(max(0, at - TAIL))
    return zlib.crc32(file.read(min(at, TAIL))) if at else 0


def _lines(text: bytes) -> list[msgspec.Raw]:
    found = []
    for line in text.splitlines():
        try:
            found.append(msgspec.json.decode(line, type=msgspec.Raw))
        except msgspec.DecodeError:  # half a line, from a crash
            continue
    return found
