"""Where the samples of a data set lie: in memory, or in a file that is read as if it were, where memory is too small.

The file is kept in the user's cache folder and found again as long as the source has not changed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from tatami.data.dataset import Array
from tatami.errors import DataError
from tatami.formats import atomic_path

SHARE = 4
"""Samples that take more than this part, a fourth, of the machine's memory lie in a file."""

_UNKNOWN_MEMORY = 2**33


def memory() -> int:
    """The machine's memory in bytes; 8 GiB where the system does not say."""
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return _UNKNOWN_MEMORY


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether uint8 samples of this shape (N, ...) are too many to be held in memory."""
    return math.prod(shape) > memory() // SHARE


def cache_file(key: object) -> Path:
    """The file for what ``key`` says of the source and its options; ``key`` is anything that JSON can write."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return cache_folder() / "data" / f"{digest[:32]}.npy"


def cache_folder() -> Path:
    """The folder of :func:`tatami.plan.machine.cache_folder`, of which data may not know."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named) / "tatami"
    try:
        return Path.home() / ".cache" / "tatami"
    except RuntimeError:
        return Path(os.devnull) / "tatami"


def collect(blocks: Iterable[Array], shape: tuple[int, ...]) -> Array:
    """Put blocks of samples one after another into memory.

    Args:
        blocks: uint8 (n, ...) each, at most N samples together.
        shape: (N, ...).
    """
    x = np.empty(shape, np.uint8)
    filled = 0
    for block in blocks:
        x[filled : filled + len(block)] = block
        filled += len(block)
    return x[:filled]


def write(path: Path, blocks: Iterator[Array], shape: tuple[int, ...]) -> None:
    """Write blocks of samples one after another as a .npy file, which is there whole or not at all.

    Args:
        path: the file.
        blocks: uint8 (n, ...) each, at most N samples together.
        shape: (N, ...).

    Raises:
        DataError: more than the disk has room for.
        RunError: the file cannot be written.
    """
    size = math.prod(shape)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if size > free:
            raise DataError(
                "the samples are larger than the disk",
                where=str(path.parent),
                got=f"{size:,} bytes for {' x '.join(map(str, shape))}",
                expected=f"at most {free:,} bytes, which are free",
                hint="make them smaller by size, or set XDG_CACHE_HOME to a folder with more room",
            )
    with atomic_path(path) as beside, beside.open("wb") as file:
        _header(file, shape)
        start, filled = file.tell(), 0
        for block in blocks:
            file.write(np.ascontiguousarray(block, np.uint8).data)
            filled += len(block)
        file.seek(0)
        _header(file, (filled, *shape[1:]))
        if file.tell() != start:  # NumPy leaves room for the length to grow, and so to shrink
            raise DataError("the header of the cache has changed its size", where=str(path), got=filled)


def _header(file: object, shape: tuple[int, ...]) -> None:
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})  # type: ignore[arg-type]


def mapped(path: Path) -> Array | None:
    """The samples of a cache file, read-only, or None where there is no such file that is whole."""
    with suppress(OSError, ValueError):
        x: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return x
    return None
