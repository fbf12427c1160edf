"""A tree of files: a folder, or a zip that is never unpacked onto the disk."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tatami.data.files import DEFLATE_RATIO, one_line
from tatami.errors import DataError

MAX_FILE = 2**28
"""The most bytes of one file in a tree, 268 million: a zip of a few bytes can declare any number of them."""

# RuntimeError: an encrypted member. NotImplementedError: a compression or feature that zipfile does not know.
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError)

_IGNORED = {"thumbs.db", "desktop.ini", "__macosx", "icon\r"}


@dataclass(frozen=True)
class File:
    """A file of a tree.

    Attributes:
        path: relative to the tree, with ``/`` between folders.
        size: bytes, as the folder or the zip declares them.
        stamp: changes when the content does: the time of the last change in ns, or a zip's checksum.
    """

    path: str
    size: int
    stamp: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that it lies in, and its name."""
        return tuple(self.path.split("/"))

    @property
    def suffix(self) -> str:
        """Its ending in lower case, with the dot; empty where it has none."""
        return os.path.splitext(self.path)[1].lower()


class Tree(Protocol):
    """Files in folders.

    Attributes:
        where: the folder or the zip, for errors.
        files: sorted by path; those that systems hide or add by themselves (``.DS_Store``, ``__MACOSX``) left out.
        folders: the paths of all folders, also of empty ones, sorted.
    """

    where: str
    files: tuple[File, ...]
    folders: tuple[str, ...]

    def read(self, file: File) -> bytes:
        """The content of a file. May be called from several threads.

        Raises:
            DataError: it cannot be read, or is larger than :data:`MAX_FILE`.
        """

    def place(self, file: File) -> str:
        """How errors call a file."""

    def close(self) -> None:
        """Let go of the file that is open, if there is one."""


class FolderTree:
    """A folder and all that lies in it. Links are followed, but into no folder twice."""

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._root = path
        files: list[File] = []
        folders: list[str] = []
        for folder, inner, names in _walk(path):
            prefix = "" if folder == path else folder.relative_to(path).as_posix() + "/"
            folders += [prefix + name for name in inner]
            for name in names:
                try:
                    status = os.stat(folder / name)
                except OSError:  # a link to nothing: read, it will say so
                    files.append(File(prefix + name, 0, 0))
                else:
                    files.append(File(prefix + name, status.st_size, status.st_mtime_ns))
        self.files = tuple(sorted(files, key=lambda file: file.path))
        self.folders = tuple(sorted(folders))

    def read(self, file: File) -> bytes:
        where = self.place(file)
        _check_size(file.size, where)
        try:
            with (self._root / file.path).open("rb") as stream:
                return stream.read(MAX_FILE)
        except OSError as error:
            raise DataError(
                "cannot open this file", where=where, got=error.strerror or str(error), expected="a readable file"
            ) from error

    def place(self, file: File) -> str:
        return str(self._root / file.path)

    def close(self) -> None:
        pass


class ZipTree:
    """A zip file, read in place.

    Raises:
        DataError: not a readable zip.
    """

    def __init__(self, path: Path) -> None:
        self.where = str(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        folders: set[str] = set()
        try:
            self._archive = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            raise DataError(
                "not a readable zip file",
                where=self.where,
                got=one_line(error),
                expected="a whole zip file",
                hint="it may be truncated: fetch it again",
            ) from error
        for member in self._archive.infolist():
            name = member.filename.replace("\\", "/")
            parts = [part for part in name.split("/") if part]
            if not parts or any(_is_hidden(part) for part in parts):
                continue
            if not name.endswith("/"):
                self._members["/".join(parts)] = member
                parts = parts[:-1]
            folders.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
        self.files = tuple(File(name, info.file_size, info.CRC) for name, info in sorted(self._members.items()))
        self.folders = tuple(sorted(folders))

    def read(self, file: File) -> bytes:
        where, member = self.place(file), self._members[file.path]
        _check_size(file.size, where)
        room = member.compress_size * (1 if member.compress_type == zipfile.ZIP_STORED else DEFLATE_RATIO)
        if member.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and file.size > room:
            raise DataError(
                "the zip declares more than it holds",
                where=where,
                got=f"at most {room:,} bytes",
                expected=f"{file.size:,} bytes",
            )
        try:
            with self._archive.open(member) as stream:
                content = stream.read(file.size)
        except _ZIP_ERRORS as error:
            raise DataError("cannot read this file of the zip", where=where, got=one_line(error)) from error
        if len(content) < file.size:
            raise DataError(
                "the zip declares more than it holds",
                where=where,
                got=f"{len(content):,} bytes",
                expected=f"{file.size:,} bytes",
            )
        return content

    def place(self, file: File) -> str:
        return f"{self.where}/{file.path}"

    def close(self) -> None:
        self._archive.close()


def is_zip(path: Path) -> bool:
    """Whether a path is a zip file, or says so in its name: then its reader reports what is wrong with it."""
    return path.suffix.lower() == ".zip" or (path.is_file() and zipfile.is_zipfile(path))


@contextmanager
def open_tree(path: Path) -> Iterator[Tree]:
    """The tree of a folder or a zip file, to be read from within the block."""
    tree: Tree = FolderTree(path) if path.is_dir() else ZipTree(path)
    try:
        yield tree
    finally:
        tree.close()


def _walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    seen: set[tuple[int, int]] = set()
    for folder, inner, names in os.walk(root, followlinks=True):
        inner[:] = sorted(name for name in inner if not _is_hidden(name) and _is_new(os.path.join(folder, name), seen))
        yield Path(folder), inner, [name for name in names if not _is_hidden(name)]


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    try:
        status = os.stat(folder)
    except OSError:
        return True
    known = (status.st_dev, status.st_ino) in seen
    seen.add((status.st_dev, status.st_ino))
    return not known or not status.st_ino  # without inode numbers nobody can tell


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in _IGNORED


def _check_size(size: int, where: str) -> None:
    if size > MAX_FILE:
        raise DataError(
            "a file too large for a sample", where=where, got=f"{size:,} bytes", expected=f"at most {MAX_FILE:,} bytes"
        )
