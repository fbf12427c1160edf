"""Files that are either whole or not there: write beside, fsync, rename over."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tatami.errors import RunError


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Lend a temporary path beside ``path``; what is written there takes the place of ``path`` on success.

    The temporary file keeps the suffix of ``path``, because some writers choose their format by it. A symbolic link is
    followed: the file that it points to is replaced, not the link.

    Raises:
        RunError: the file cannot be written (any ``OSError`` of the block is one). As after any other exception in the
            block, nothing new remains and the old file is as it was.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.stem}-{secrets.token_hex(6)}{target.suffix}")
    try:
        yield beside
        _flush(beside)
        os.replace(beside, target)
    except OSError as error:
        raise RunError(
            "cannot write this file",
            where=str(path),
            got=error.strerror or str(error),
            expected="a writable folder with room",
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    _flush_folder(target.parent)


def atomic_write(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Replace the file at ``path`` by ``content`` (text becomes UTF-8, line ends as given), whole or not at all.

    Raises:
        RunError: the file cannot be written; the old one is intact.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path) as beside:
        beside.write_bytes(data)


def _flush(path: Path) -> None:
    # Opened for writing, because Windows flushes no file that is open for reading only.
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
