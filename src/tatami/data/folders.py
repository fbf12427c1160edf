"""A data set of files, one folder a class, in a folder or a zip: which are whose, read, and put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tatami.data.assemble import Found, assemble
from tatami.data.class_folders import Media, Sample, class_folders
from tatami.data.dataset import SPLITS, Array, Dataset, Kind, Problem
from tatami.data.options import DataOptions
from tatami.data.picture_files import read_pictures
from tatami.data.tree import File, Tree, is_zip, open_tree
from tatami.data.wave import read_sounds
from tatami.errors import DataError, OptionError


class Read(Protocol):
    """What a reader of files gives: samples, of which files they are, and what is to be said of the others."""

    @property
    def x(self) -> Array | Sequence[Array]: ...
    @property
    def rows(self) -> tuple[int, ...]: ...
    @property
    def problems(self) -> tuple[Problem, ...]: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


Reader = Callable[[Tree, Sequence[File], DataOptions], Read]

READERS: dict[Media, tuple[Kind, Reader]] = {"picture": ("image", read_pictures), "sound": ("signal", read_sounds)}


def recognises(path: Path) -> bool:
    """Whether a path may hold class folders: any folder, and any zip, NPZ files aside."""
    return path.is_dir() or (path.suffix.lower() != ".npz" and is_zip(path))


def load_folders(path: Path, options: DataOptions, source: str) -> Dataset:
    """Read pictures or sounds, one folder a class, perhaps in ``train/``, ``val/`` and ``test/``.

    Args:
        path: a folder or a zip, which is read in place: see :func:`tatami.data.class_folders.class_folders`.
        options: size and colour of pictures, length of sounds, a pattern for groups; whether anything may be left out.
        source: what the user wrote, for errors.

    Raises:
        DataError: no class folders, nothing that can be read, or with ``options.strict`` anything that would be left
            out or mended.
        OptionError: a pattern for groups that is none.
    """
    with open_tree(path) as tree:
        layout = class_folders(tree)
        kind, read = READERS[layout.media]
        order = [split for split in SPLITS if split in layout.splits]
        samples = [sample for split in order for sample in layout.splits[split]]
        files = [sample.file for sample in samples]
        found = read(tree, files, options)
        groups = _groups([files[row] for row in found.rows], options.group)
        return assemble(
            path.resolve().stem if path.is_file() else path.resolve().name,
            kind,
            _splits(layout.splits, order, samples, groups, found),
            options,
            source,
            classes=np.array(layout.classes),
            problems=(*layout.problems, *found.problems),
            notes=found.notes,
        )


def _splits(
    layout: Mapping[str, tuple[Sample, ...]],
    order: Sequence[str],
    samples: Sequence[Sample],
    groups: Array | None,
    found: Read,
) -> dict[str, Found]:
    """The splits one after another in what was read: slices, so that a memory map stays one."""
    rows = np.array(found.rows, np.int64)
    splits, start = {}, 0
    for split in order:
        stop = start + len(layout[split])
        first, last = np.searchsorted(rows, (start, stop))
        mine = rows[first:last]
        splits[split] = Found(
            found.x[first:last],
            np.array([samples[row].label for row in mine], np.int64),
            f"{split} samples",
            f"{split} samples",
            [samples[row].file.path for row in mine],
            None if groups is None else groups[first:last],
        )
        start = stop
    return splits


def _groups(files: Sequence[File], pattern: str | None) -> Array | None:
    """What the pattern finds in each path: its first group, or all of it."""
    if pattern is None:
        return None
    try:
        search = re.compile(pattern)
    except re.error as error:
        raise OptionError(
            "--group is no pattern", got=pattern, expected="a regular expression", hint=str(error)
        ) from error
    found = []
    for file in files:
        match = search.search(file.path)
        if match is None:
            raise DataError(
                "a file of no group", where=file.path, expected=f"a path in which {pattern!r} finds the group"
            )
        found.append(match[1] if search.groups else match[0])
    return np.array(found)
