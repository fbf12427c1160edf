"""Where data come from: ``sample:NAME``, a file or a folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tatami.data.builtin import SAMPLES, load_sample
from tatami.data.dataset import Array, Dataset, check_samples
from tatami.data.idx import is_idx
from tatami.data.idx_dataset import has_idx, load_idx_dataset, read_images
from tatami.data.npz import load_npz, read_npz_samples
from tatami.data.pictures import SUFFIXES, read_picture
from tatami.errors import DataError

DATA = (
    f"sample:NAME ({', '.join(SAMPLES)}), a .npz file, a folder with train-images-idx3-ubyte and "
    "train-labels-idx1-ubyte (perhaps .gz), or such an images file"
)
INPUTS = "a .npz file with an array x, an IDX images file, or a PNG, JPEG or BMP picture"

_SAMPLE = "sample:"


@dataclass(frozen=True, eq=False)
class Inputs:
    """Unlabelled samples to predict.

    Attributes:
        x: (N, H, W, C) uint8 or float32, or (N, L, C) float32, as read: not yet resized or scaled.
        names: one a row, ``cat.png`` or ``signals.npz[3]`` (rows from 0).
    """

    x: Array
    names: tuple[str, ...]


def load(source: str) -> Dataset:
    """Load a labelled data set from ``sample:NAME``, an NPZ file, an IDX folder or an IDX images file.

    Raises:
        DataError: nothing is there, it is of another kind, or it is not fit for training.
    """
    if source.startswith(_SAMPLE):
        return load_sample(source.removeprefix(_SAMPLE))
    path = Path(source)
    if not os.path.exists(source):  # unlike Path.exists, False also for names that no system allows
        hint = f"for the built-in sample, write {_SAMPLE}{source}" if source in SAMPLES else None
        raise DataError("no such file or folder", where=repr(source), expected=DATA, hint=hint)
    if path.is_dir():
        if has_idx(path):
            return load_idx_dataset(path)
        raise DataError("no data set in this folder", where=str(path), expected=DATA)
    if path.suffix.lower() == ".npz":
        return load_npz(path)
    if _means_idx(path):
        return load_idx_dataset(path)
    raise DataError("this kind of file is not a data set", where=str(path), got=_kind(path), expected=DATA)


def read_inputs(path: Path) -> Inputs:
    """Read unlabelled samples from an NPZ file with an array ``x``, an IDX images file, or one picture.

    Raises:
        DataError: the file is missing, damaged, too large or of another kind, or holds NaN or infinity.
    """
    if not os.path.exists(path):
        raise DataError("no such file", where=str(path), expected=INPUTS)
    suffix = path.suffix.lower()
    if path.is_file() and suffix in SUFFIXES:
        return Inputs(read_picture(path)[None], (str(path),))
    if path.is_file() and suffix == ".npz":
        x = read_npz_samples(path)
    elif path.is_file() and _means_idx(path):
        x = read_images(path)
        check_samples(x, "image", str(path))
    else:
        raise DataError("this kind of file is not an input", where=str(path), got=_kind(path), expected=INPUTS)
    return Inputs(x, tuple(f"{path}[{row}]" for row in range(len(x))))


def _means_idx(path: Path) -> bool:
    """Tell whether a file is IDX, or says so in its name: then its reader reports what is wrong with it."""
    return any(mark in path.name for mark in ("-idx", ".idx")) or is_idx(path)


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    return f"a {path.suffix} file" if path.suffix else "a file of unknown kind"
