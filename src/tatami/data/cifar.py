"""CIFAR-10 and CIFAR-100 in their binary form. The pickled form is refused: reading it runs what the file says.

A record is a label, of CIFAR-100 a coarse and a fine one, and 3,072 bytes: 32 rows of 32 pixels, all red ones first,
then green, then blue (https://www.cs.toronto.edu/~kriz/cifar.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tatami.data.assemble import Found, assemble
from tatami.data.dataset import Array, Dataset
from tatami.data.files import MAX_BYTES, opened
from tatami.data.options import DataOptions
from tatami.errors import DataError

_SIDE, _CHANNELS = 32, 3
_PIXELS = _SIDE * _SIDE * _CHANNELS


@dataclass(frozen=True)
class _Form:
    """How a data set is laid out: its files, bytes of labels in a record, and the file of the names."""

    train: str
    test: str
    labels: int
    names: str
    classes: int


_FORMS = (
    _Form(r"data_batch_\d+\.bin", r"test_batch\.bin", 1, "batches.meta.txt", 10),
    _Form(r"train\.bin", r"test\.bin", 2, "fine_label_names.txt", 100),
)
_PICKLED = ({"data_batch_1", "test_batch", "batches.meta"}, {"train", "test", "meta"})


def recognises(path: Path) -> bool:
    """Whether a path is a folder with CIFAR's files, pickled or not, or one of the pickled files."""
    if path.is_dir():
        return _form(path) is not None or _is_pickled(path)
    return path.is_file() and path.name.startswith(("data_batch_", "test_batch")) and not path.suffix


def load_cifar(path: Path, options: DataOptions, source: str) -> Dataset:
    """Read the folder of CIFAR-10's binary version, or of CIFAR-100's with its fine labels.

    Args:
        path: the folder: ``data_batch_1.bin`` to ``data_batch_5.bin``, ``test_batch.bin``, perhaps
            ``batches.meta.txt``; or ``train.bin``, ``test.bin``, perhaps ``fine_label_names.txt``.
        options: nothing of them is needed.
        source: what the user wrote, for errors.

    Raises:
        DataError: the pickled form; or a file that is not whole records, or holds a label that is none.
    """
    form = _form(path) if path.is_dir() else None
    if form is None:
        raise DataError(
            "the pickled form of CIFAR, which is not read: a pickle may run any program",
            where=source,
            expected="the binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin",
            hint="cifar-10-binary.tar.gz, from the same page",
        )
    files = {"train": _matching(path, form.train), "test": _matching(path, form.test)}
    found = {}
    for split, each in files.items():
        if each:
            parts = [_read(file, form) for file in each]
            names = [f"{file.name}[{row}]" for file, (x, _) in zip(each, parts, strict=True) for row in range(len(x))]
            x, y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
            found[split] = Found(x, y, f"{split} images", f"{split} labels", names)
    return assemble(path.resolve().name, "image", found, options, source, classes=_names(path, form))


def _form(folder: Path) -> _Form | None:
    return next((form for form in _FORMS if _matching(folder, form.train)), None)


def _is_pickled(folder: Path) -> bool:
    names = {file.name for file in folder.iterdir() if file.is_file()}
    return any(pickled <= names for pickled in _PICKLED)


def _matching(folder: Path, pattern: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if re.fullmatch(pattern, file.name) and file.is_file())


def _read(file: Path, form: _Form) -> tuple[Array, NDArray[np.int64]]:
    record = form.labels + _PIXELS
    with opened(file) as stream:
        content = stream.read(MAX_BYTES)
    if not content or len(content) % record:
        raise DataError(
            "not whole records of CIFAR's binary form",
            where=str(file),
            got=f"{len(content):,} bytes",
            expected=f"a multiple of {record:,}",
            hint="it may be truncated: fetch it again",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    y = records[:, form.labels - 1].astype(np.int64)  # the fine label comes last
    if y.max() >= form.classes:
        row = int(y.argmax())
        raise DataError(
            "label out of range", where=f"{file}, record {row}", got=int(y[row]), expected=f"0 to {form.classes - 1}"
        )
    planes = records[:, form.labels :].reshape(-1, _CHANNELS, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), y


def _names(folder: Path, form: _Form) -> Array:
    """The names of the classes, a line each; their numbers where there is no such file."""
    try:
        text = (folder / form.names).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return np.arange(form.classes).astype(str)
    names = text.split()
    if len(names) != form.classes:
        raise DataError(
            "another number of names than there are classes",
            where=str(folder / form.names),
            got=len(names),
            expected=str(form.classes),
        )
    return np.array(names)
