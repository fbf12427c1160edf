"""Where data come from: ``sample:NAME``, a file or a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tatami.data.builtin import SAMPLES, load_sample
from tatami.data.dataset import Array, Dataset, Kind, check_samples
from tatami.data.idx import is_idx
from tatami.data.idx_dataset import has_idx, load_idx_dataset, read_images
from tatami.data.npz import load_npz, read_npz_samples
from tatami.data.options import DataOptions
from tatami.data.pictures import SUFFIXES, read_picture
from tatami.errors import DataError

DATA = (
    f"sample:NAME ({', '.join(SAMPLES)}), a .npz file, a folder with train-images-idx3-ubyte and "
    "train-labels-idx1-ubyte (perhaps .gz), or such an images file"
)
INPUTS = (
    "a PNG, JPEG or BMP picture, a .npz file with an array x, an IDX images file, "
    f"or sample:NAME ({', '.join(SAMPLES)})"
)

_SAMPLE = "sample:"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Unlabelled samples to predict.

    Attributes:
        x: (N, H, W, C) uint8 or float32, or (N, L, C) float32, as read: not yet resized or scaled.
        names: one a row, ``cat.png``, ``signals.npz[3]`` or ``sample:digits[3]`` (rows from 0).
    """

    x: Array
    names: tuple[str, ...]


def load(source: str, options: DataOptions = DataOptions()) -> Dataset:  # noqa: B008
    """Load a labelled data set from ``sample:NAME``, an NPZ file, an IDX folder or an IDX images file.

    Raises:
        DataError: nothing is there, it is of another kind, or it is not fit for training.
    """
    if source.startswith(_SAMPLE):
        return load_sample(source.removeprefix(_SAMPLE))
    path = Path(source)
    if not os.path.exists(source):  # unlike Path.exists, False also for names that no system allows
        raise DataError("no such file or folder", where=repr(source), expected=DATA, hint=_sample_hint(source))
    if path.is_dir():
        if has_idx(path):
            return load_idx_dataset(path)
        raise DataError("no data set in this folder", where=str(path), expected=DATA)
    if path.suffix.lower() == ".npz":
        return load_npz(path, source)
    if _means_idx(path):
        return load_idx_dataset(path)
    raise DataError("this kind of file is not a data set", where=str(path), got=_kind(path), expected=DATA)


def read_inputs(source: str | os.PathLike[str], kind: Kind | None = None) -> Inputs:
    """Read unlabelled samples from an NPZ file, an IDX images file, one picture, or ``sample:NAME``.

    Of an NPZ file it is the array ``x``, else ``x_test``; of a built-in sample, its test split.

    Args:
        source: a path, or ``sample:NAME``.
        kind: what the samples are meant to be, where an NPZ file leaves it open.

    Raises:
        DataError: the file is missing, damaged, too large or of another kind, or holds NaN or infinity.
    """
    text = os.fspath(source)
    if text.startswith(_SAMPLE):
        sample = load_sample(text.removeprefix(_SAMPLE))
        x = (sample.test or sample.train).x
        return Inputs(x, _row_names(text, x))
    path = Path(text)
    if not os.path.exists(text):
        raise DataError("no such file", where=text, expected=INPUTS, hint=_sample_hint(text))
    suffix = path.suffix.lower()
    if path.is_file() and suffix in SUFFIXES:
        return Inputs(read_picture(path)[None], (str(path),))
    if path.is_file() and suffix == ".npz":
        x = read_npz_samples(path, kind)
    elif path.is_file() and _means_idx(path):
        x = read_images(path)
        check_samples(x, "image", str(path))
    else:
        raise DataError("this kind of file is not an input", where=str(path), got=_kind(path), expected=INPUTS)
    return Inputs(x, _row_names(str(path), x))


def _row_names(source: str, x: Array) -> tuple[str, ...]:
    return tuple(f"{source}[{row}]" for row in range(len(x)))


def _sample_hint(source: str) -> str | None:
    return f"for the built-in sample, write {_SAMPLE}{source}" if source in SAMPLES else None


def _means_idx(path: Path) -> bool:
    """Tell whether a file is IDX, or says so in its name: then its reader reports what is wrong with it."""
    return any(mark in path.name for mark in ("-idx", ".idx")) or is_idx(path)


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return f"a {path.suffix} file" if path.suffix else "a file of unknown kind"
