"""Data sets of the UCR/UEA archive: ``NAME_TRAIN.ts`` beside ``NAME_TEST.ts``, or the same as ``.tsv``."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from tatami.data.assemble import Found, assemble
from tatami.data.dataset import Array, Dataset
from tatami.data.options import DataOptions
from tatami.data.series_text import SeriesFile, read_series
from tatami.data.targets import written_labels
from tatami.errors import DataError

SUFFIXES = (".ts", ".tsv")


def recognises(path: Path) -> bool:
    """Whether a path is a ``.ts`` or ``.tsv`` file, a folder with such files, or the part before ``_TRAIN``."""
    if path.is_dir():
        return bool(_sets(path))
    if path.suffix.lower() in SUFFIXES:
        return True
    return not path.exists() and bool(_named(path))


def load_ucr(path: Path, options: DataOptions, source: str) -> Dataset:
    """Read a data set of the archive.

    Args:
        path: either file of a pair, the folder that holds the pair and no other, or the part of its files' path
            before ``_TRAIN``. A file without ``_TRAIN`` or ``_TEST`` in its name is a training split on its own.
        options: its ``length`` and ``task``.
        source: what the user wrote, for errors.

    Raises:
        DataError: no pair or several, an option that is meant for tables, or whatever
            :func:`tatami.data.series_text.read_series` and :func:`tatami.data.assemble.assemble` refuse.
    """
    files = ucr_files(path)
    read = {split: read_series(file) for split, file in files.items()}
    for split, series in read.items():
        if not series.labels:
            raise DataError("series without labels", where=str(files[split]), expected="@classLabel true and names")
        if series.has_targets != read["train"].has_targets:
            raise DataError(
                "classes in one file and targets in the other", where=source, expected="one kind of labels in both"
            )
    ys, classes, options = _labels(read, options)
    found = {
        split: Found(
            series.x,
            y,
            files[split].name,
            f"labels of {files[split].name}",
            [f"{files[split].name} line {line}" for line in series.lines],
        )
        for (split, series), y in zip(read.items(), ys, strict=True)
    }
    return assemble(_name(files["train"])[0], "signal", found, options, source, classes=classes)


def read_ucr_inputs(path: Path) -> tuple[list[Array], list[str]]:
    """Read series (L, C), float32, without regard to their labels, and what they are called, ``a.ts[0]``.

    Of a pair that is named by its folder or by the part before ``_TRAIN``, it is the test file.
    """
    file = path if path.is_file() else list(ucr_files(path).values())[-1]
    x = read_series(file, with_labels=False).x
    return x, [f"{file}[{row}]" for row in range(len(x))]


def ucr_files(path: Path) -> dict[str, Path]:
    """The files of ``train`` and perhaps ``test`` that a path means, as :func:`load_ucr` says."""
    if path.is_dir():
        found = list(_sets(path).values())
        where = path
    else:
        found = [_set_of(path)] if path.exists() else _named(path)
        where = path.parent
    if len(found) > 1:
        names = sorted({_name(file)[0] for files in found for file in files.values()})
        raise DataError(
            "several data sets in this folder",
            where=str(where),
            got=", ".join(names[:10]) + (", ..." if len(names) > 10 else ""),
            expected="one",
            hint=f"name it: {where / names[0]}",
        )
    if not found:
        raise DataError(
            "no series here", where=str(path), expected="NAME_TRAIN.ts and NAME_TEST.ts, or the same as .tsv"
        )
    files = found[0]
    if "train" not in files:
        test = files["test"]
        name = f"{_name(test)[0]}_TRAIN{test.suffix}"
        raise DataError("a test file without its training file", where=str(test), expected=f"{name} beside it")
    return {split: files[split] for split in ("train", "test") if split in files}


def _name(file: Path) -> tuple[str, str | None]:
    """The name of the data set, and the split that the name of the file tells."""
    marked = re.fullmatch(r"(.*)_(train|test)", file.stem, re.IGNORECASE | re.DOTALL)
    return (marked[1], marked[2].lower()) if marked else (file.stem, None)


def _sets(folder: Path) -> dict[tuple[str, bool], dict[str, Path]]:
    """The data sets that lie in a folder; of one that is there as ``.ts`` and as ``.tsv``, the former."""
    found: defaultdict[tuple[str, bool], dict[str, dict[str, Path]]] = defaultdict(dict)
    for file in sorted(folder.iterdir()):
        suffix = file.suffix.lower()
        if suffix in SUFFIXES and not file.name.startswith(".") and file.is_file():
            name, split = _name(file)
            found[name.casefold(), split is None].setdefault(suffix, {})[split or "train"] = file
    return {key: by_suffix[min(by_suffix)] for key, by_suffix in found.items()}


def _set_of(file: Path) -> dict[str, Path]:
    """The pair that a file belongs to, of its own ending, or the file alone."""
    name, split = _name(file)
    if split is None:
        return {"train": file}
    pair = {split: file}
    for other in sorted(file.parent.iterdir()):
        other_name, other_split = _name(other)
        if (
            other_split not in (None, split)
            and other_name.casefold() == name.casefold()
            and other.suffix.lower() == file.suffix.lower()
        ):
            pair[str(other_split)] = other
    return pair


def _named(path: Path) -> list[dict[str, Path]]:
    """The pair of which a path is the part before ``_TRAIN``."""
    if not path.name or not path.parent.is_dir():
        return []
    files = _sets(path.parent).get((path.name.casefold(), False))
    return [files] if files else []


def _labels(read: dict[str, SeriesFile], options: DataOptions) -> tuple[list[Array], Array | None, DataOptions]:
    """The labels of each split, the names of the classes, and the options as the files complete them."""
    labels = [np.array(series.labels) for series in read.values()]
    if read["train"].has_targets and options.task != "classification":
        return [y.astype(np.float64) for y in labels], None, replace(options, task="regression")
    declared = list(dict.fromkeys(name for series in read.values() for name in series.classes))
    if not declared or options.task == "regression":
        ys, classes = written_labels(labels, options.task)
        return ys, classes, options
    used = {str(name) for y in labels for name in y}
    return labels, np.array([name for name in declared if name in used]), options
