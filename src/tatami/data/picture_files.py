"""A data set of pictures, one folder a class, in a folder or a zip: decoded in threads, brought to one size.

Letters: N samples, H and W pixels, C channels.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tatami.data import cache
from tatami.data.dataset import Array, Problem
from tatami.data.options import DataOptions
from tatami.data.pictures import Header, decode_picture, fit_picture, quiet, survey_picture
from tatami.data.tree import File, Tree
from tatami.errors import DataError
from tatami.formats import atomic_write

KEPT = 2**28
"""Bytes of decoded pictures, 268 million, that are kept from the first look at them until their size is decided."""

_BLOCK, _PIECE = 512, 16
_VERSION = 1
_CHANNELS = {"grey": 1, "rgb": 3}

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Pictures:
    """What was read.

    Attributes:
        x: uint8 (N, H, W, C), of the files that could be read, in their order; perhaps a read-only memory map.
        rows: which files these are, ascending.
        problems: one for each other file.
        notes: on sizes and colours.
    """

    x: Array
    rows: tuple[int, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def read_pictures(tree: Tree, files: Sequence[File], options: DataOptions) -> Pictures:
    """Read pictures, in threads, as uint8 of one size and depth.

    Those that memory is too small for are written to a file in the user's cache folder, which is found again as long
    as the names, sizes and times of the files are the same.

    Args:
        tree: where they lie.
        files: which.
        options: its ``size`` and ``colour``.

    Raises:
        DataError: none can be read, or all are larger than the disk.
    """
    listing = [[file.path, file.size, file.stamp] for file in files]
    path = cache.cache_file([_VERSION, os.path.abspath(tree.where), listing, options.size, options.colour])
    found = _cached(path)
    if found is not None:
        return found
    with quiet():
        looks, pixels = _survey(tree, files, options)
        shape, notes = _shape(looks, options, tree.where)
        reading = _Reading(tree, files, looks, pixels, shape)
        whole = (len(files), *shape)
        if not cache.is_large(whole):
            x = cache.collect(reading.blocks(), whole)
            return Pictures(x, tuple(reading.rows), tuple(reading.problems), notes)
        cache.write(path, reading.blocks(), whole)
    kept = {"rows": reading.rows, "problems": [asdict(problem) for problem in reading.problems], "notes": notes}
    atomic_write(_beside(path), json.dumps(kept))
    again = _cached(path)
    if again is None:
        raise DataError("the cache was lost while it was written", where=str(path), hint="try again")
    return again


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _cached(path: Path) -> Pictures | None:
    x = cache.mapped(path)
    if x is None:
        return None
    try:
        kept = json.loads(_beside(path).read_text(encoding="utf-8"))
        problems = tuple(Problem(**problem) for problem in kept["problems"])
        found = Pictures(x, tuple(kept["rows"]), problems, tuple(kept["notes"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if len(found.rows) == len(x) else None


Look = Header | Problem | None
"""What the first look at a file gave; None where it was not needed."""


def _survey(tree: Tree, files: Sequence[File], options: DataOptions) -> tuple[list[Look], dict[int, Array]]:
    """Look at the head of each file, and keep the pixels of small pictures, which then are read but once."""
    if options.size is not None and options.colour != "auto":
        return [None] * len(files), {}
    most = KEPT // max(1, len(files))

    def look(file: File) -> tuple[Look, Array | None]:
        try:
            return survey_picture(tree.read(file), tree.place(file), most)
        except DataError as error:
            return _problem(file, error), None

    found = [each for block in _in_threads(look, files) for each in block]
    return [header for header, _ in found], {row: x for row, (_, x) in enumerate(found) if x is not None}


def _shape(looks: Sequence[Look], options: DataOptions, where: str) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """The size and depth that all pictures are brought to, and what is to be said about it."""
    if options.size is not None and options.colour != "auto":
        return (*options.size, _CHANNELS[options.colour]), ()
    headers = [look for look in looks if isinstance(look, Header)]
    if not headers:
        problem = next((look for look in looks if isinstance(look, Problem)), None)
        raise DataError("none of the pictures can be read", where=where, got=problem and str(problem))
    notes = []
    grey = sum(header.channels == 1 for header in headers)
    channels = _CHANNELS[options.colour] if options.colour != "auto" else 1 if grey == len(headers) else 3
    if options.colour == "auto" and 0 < grey < len(headers):
        notes.append(f"{grey:,} of {len(headers):,} pictures are grey, the others RGB: all are read as RGB")
    if options.size is not None:
        return (*options.size, channels), tuple(notes)
    sizes = sorted({(header.height, header.width) for header in headers}, key=lambda size: size[0] * size[1])
    height = int(np.median([header.height for header in headers]))
    width = int(np.median([header.width for header in headers]))
    if len(sizes) > 1:
        (low, narrow), (high, wide) = sizes[0], sizes[-1]
        notes.append(
            f"pictures of {len(sizes):,} sizes, {low}x{narrow} to {high}x{wide}, are resized to {height}x{width}, "
            "the median of their heights and widths"
        )
    return (height, width, channels), tuple(notes)


class _Reading:
    """Pictures on their way from the tree to where they stay; knows afterwards which could be read."""

    def __init__(
        self,
        tree: Tree,
        files: Sequence[File],
        looks: Sequence[Look],
        pixels: dict[int, Array],
        shape: tuple[int, int, int],
    ) -> None:
        self._tree, self._files, self._looks, self._pixels, self._shape = tree, files, looks, pixels, shape
        self.rows: list[int] = []
        self.problems: list[Problem] = []

    def blocks(self) -> Iterator[NDArray[np.uint8]]:
        """Those that can be read, (n, H, W, C), in the order of the files."""
        row = 0
        for block in _in_threads(self._read, range(len(self._files))):
            good = []
            for found in block:
                if isinstance(found, Problem):
                    self.problems.append(found)
                else:
                    self.rows.append(row)
                    good.append(found)
                row += 1
            if good:
                yield np.stack(good)

    def _read(self, row: int) -> Array | Problem:
        look = self._looks[row]
        if isinstance(look, Problem):
            return look
        file = self._files[row]
        where = self._tree.place(file)
        try:
            picture = self._pixels.pop(row, None)
            if picture is None:
                picture = decode_picture(self._tree.read(file), where)
            return fit_picture(picture, self._shape, where)
        except DataError as error:
            return _problem(file, error)


def _problem(file: File, error: DataError) -> Problem:
    return Problem(file.path, f"{error.problem}; got {error.got}" if error.got is not None else error.problem)


S = TypeVar("S")


def _in_threads(function: Callable[[S], T], items: Sequence[S]) -> Iterator[list[T]]:
    """Apply a function to items, in threads and in order: blocks of results, so that few wait at a time.

    Pillow lets other threads run while it decodes and resizes.
    """

    def work(piece: Sequence[S]) -> list[T]:
        return [function(item) for item in piece]

    with ThreadPoolExecutor(min(16, _cores())) as pool:
        for start in range(0, len(items), _BLOCK):
            block = items[start : start + _BLOCK]
            pieces = [block[first : first + _PIECE] for first in range(0, len(block), _PIECE)]
            yield [found for piece in pool.map(work, pieces) for found in piece]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
