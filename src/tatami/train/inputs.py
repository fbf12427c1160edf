"""What ``tatami predict`` is given, as single files: folders and patterns unfolded, standard input read."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from tatami.data import DataOptions, Inputs, Kind, pictures, read_inputs, wave
from tatami.errors import DataError

SUFFIXES = (*pictures.SUFFIXES, *wave.SUFFIXES)

STDIN = "-"

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"PK\x03\x04", ".npz"))


@dataclass(frozen=True)
class Source:
    """One file to predict, or what came from standard input in place of one."""

    name: str
    content: bytes | None = None

    def read(self, kind: Kind, options: DataOptions = DataOptions()) -> Inputs:  # noqa: B008
        """The samples.

        Args:
            kind: what they are meant to be.
            options: which columns of a table are not values.

        Raises:
            DataError: see :func:`tatami.data.read_inputs`.
        """
        if self.content is None:
            return read_inputs(self.name, kind, options)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"input{_suffix(self.content)}"
            path.write_bytes(self.content)
            try:
                inputs = read_inputs(path, kind, options)
            except DataError as error:
                error.where = str(error.where or "").replace(str(path), self.name)
                raise
        return replace(inputs, names=tuple(name.replace(str(path), self.name) for name in inputs.names))


def resolve(arguments: Sequence[str], stdin: BinaryIO | None = None) -> tuple[list[Source], list[DataError]]:
    """Every file that the arguments mean, in their order, and what is wrong with arguments that mean none.

    A folder stands for the pictures and sounds in it and in its folders, hidden ones aside; a pattern (``*``, ``?``,
    ``[``, and ``**`` for folders within folders) for what it matches. Both are sorted. ``-`` stands for standard input:
    the bytes of a picture or an NPZ file when it begins as one, else one argument a line.

    Args:
        arguments: paths, folders, patterns, ``sample:NAME``, ``-``.
        stdin: standard input.
    """
    sources: list[Source] = []
    problems: list[DataError] = []
    for argument in arguments:
        try:
            if argument == STDIN and stdin is not None:
                content = stdin.read()
                if _suffix(content):
                    sources.append(Source(STDIN, content))
                    continue
                found, bad = resolve(_lines(content))
                sources += found
                problems += bad
            else:
                sources += map(Source, _files(argument))
        except DataError as error:
            problems.append(error)
    return sources, problems


def _files(argument: str) -> list[str]:
    """The files that one argument means.

    Raises:
        DataError: none.
    """
    if argument.startswith("sample:"):
        return [argument]
    if os.path.isdir(argument):
        files = _inside(argument)
        if not files:
            raise DataError(
                "no pictures or sounds in this folder", where=argument, expected=f"files *{', *'.join(SUFFIXES)}"
            )
        return files
    if not os.path.exists(argument) and glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))
        if not matches:
            raise DataError("nothing matches this pattern", where=argument)
        return [file for match in matches for file in (_inside(match) if os.path.isdir(match) else [match])]
    if not os.path.exists(argument):
        read_inputs(argument)  # says what is missing, and what would do
    return [argument]


def _inside(folder: str) -> list[str]:
    return sorted(map(str, _media(Path(folder))))


def _media(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent) / name


def _lines(content: bytes) -> list[str]:
    """The lines of a list of paths.

    Raises:
        DataError: neither text nor a file that is known.
    """
    try:
        lines = [line.strip() for line in content.decode("utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise DataError(
            "standard input is neither a picture, nor an NPZ file, nor a list of paths",
            where=STDIN,
            got=f"{len(content):,} bytes, of which the first are {content[:4]!r}",
            expected="PNG, JPEG, BMP, NPZ, or one path a line",
        ) from error
    named = [line for line in lines if line]
    if not named:
        raise DataError("nothing on standard input", where=STDIN, expected="a picture, an NPZ file, or paths")
    return named


def _suffix(content: bytes) -> str:
    """The suffix of the kind of file that these bytes begin as; the empty text for another."""
    if content.startswith(b"BM") and content[6:10] == bytes(4):  # a bitmap's reserved bytes, which no text has
        return ".bmp"
    return next((suffix for start, suffix in _SIGNATURES if content.startswith(start)), "")
