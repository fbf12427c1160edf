"""A data set in MNIST's spelling: IDX files of images, each beside its file of labels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tatami.data.arrays import classes_of_integers
from tatami.data.checks import check, check_samples
from tatami.data.dataset import Array, Dataset, Split
from tatami.data.idx import is_idx, read_idx
from tatami.data.options import DataOptions
from tatami.errors import DataError

_TRAIN, _TEST = "train", ("t10k", "test")


def read_images(path: Path) -> Array:
    """Read images (N, H, W) or (N, H, W, C) as (N, H, W, C): uint8, or float32 where the file holds floats."""
    x = read_idx(path)
    if x.ndim not in (3, 4):
        raise DataError("these are not images", where=str(path), got=f"IDX of rank {x.ndim}", expected="rank 3 or 4")
    if x.dtype.kind not in "uf":
        raise DataError("pixels of this dtype are not read", where=str(path), got=x.dtype, expected="ubyte or float")
    if x.dtype.kind == "f":
        with np.errstate(over="ignore"):  # what overflows is found as infinity by the check
            x = x.astype(np.float32, copy=False)
    return x if x.ndim == 4 else x[..., np.newaxis]


def read_labels(path: Path) -> NDArray[np.int64]:
    """Read labels (N,) as int64."""
    y = read_idx(path)
    if y.ndim != 1 or y.dtype.kind == "f":
        raise DataError(
            "these are not labels",
            where=str(path),
            got=f"IDX of rank {y.ndim}, {y.dtype}",
            expected="rank 1, whole numbers",
        )
    return y.astype(np.int64)


def load_idx_dataset(path: Path, options: DataOptions = DataOptions(), source: str | None = None) -> Dataset:  # noqa: B008
    """Read a data set in MNIST's spelling.

    Args:
        path: a folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and, if there is a test split,
            the same with ``t10k`` or ``test``; or an images file beside its partners. Each may end in ``.gz`` and may
            have a dot for the dash before ``idx``. An images file without ``train`` in its name is read on its own.
        options: nothing of them is needed.
        source: what the user wrote; the path by default.

    Raises:
        DataError: a file or its partner is missing (names the file looked for), or is not as :func:`check` wants it.
    """
    images = _train_images(path) if path.is_dir() else path
    if images is None:
        raise DataError(
            "no IDX training images in this folder",
            where=str(path),
            got="no train-images-idx3-ubyte",
            expected="train-images-idx3-ubyte and train-labels-idx1-ubyte, each perhaps with .gz",
            hint="for other names, give the images file itself",
        )
    if "images" not in images.name:
        raise DataError(
            "cannot tell which labels belong to this file",
            where=str(images),
            got=repr(images.name),
            expected="an images file, with 'images' in its name, such as train-images-idx3-ubyte.gz",
        )
    test_images = _test_of(images)
    x_files, y_files = [images], [_labels_of(images)]
    if test_images is not None:
        x_files.append(test_images)
        y_files.append(_labels_of(test_images))
    splits = [Split(read_images(x), read_labels(y)) for x, y in zip(x_files, y_files, strict=True)]
    folder = images.parent
    classes = classes_of_integers([(split.y, str(y)) for split, y in zip(splits, y_files, strict=True)])
    dataset = Dataset(
        name=(path.resolve() if path.is_dir() else folder.resolve()).name,
        kind="image",
        train=splits[0],
        test=splits[1] if len(splits) > 1 else None,
        classes=classes,
        source=source or str(path),
    )
    names = dict(
        zip(("train", "test"), ((x.name, y.name) for x, y in zip(x_files, y_files, strict=True)), strict=False)
    )
    return check(dataset, str(folder), names)


def _spellings(name: str) -> list[str]:
    """The names under which a file may lie: as given, with the other separator before ``idx``, with and without gz."""
    stem = name.removesuffix(".gz")
    other = re.sub(r"[-.](idx\d)", lambda m: ("." if m[0][0] == "-" else "-") + m[1], stem)
    endings = (".gz", "") if name.endswith(".gz") else ("", ".gz")
    return list(dict.fromkeys(s + ending for s in (stem, other) for ending in endings))


def _find(folder: Path, name: str) -> Path | None:
    return next((folder / s for s in _spellings(name) if (folder / s).is_file()), None)


def _train_images(folder: Path) -> Path | None:
    names = [f"{_TRAIN}-images-idx{rank}-ubyte" for rank in (3, 4)]
    return next((found for name in names if (found := _find(folder, name))), None)


def recognises(path: Path) -> bool:
    """Whether a folder holds training images in MNIST's own names, or a file is IDX, or says so in its name."""
    if path.is_dir():
        return _train_images(path) is not None
    # A file that says so in its name is known even where its bytes are wrong: its reader reports what is.
    return path.is_file() and (any(mark in path.name for mark in ("-idx", ".idx")) or is_idx(path))


def read_inputs(path: Path) -> Array:
    """Read images as :func:`read_images` does, and check them."""
    x = read_images(path)
    check_samples(x, "image", str(path))
    return x


def _test_of(images: Path) -> Path | None:
    """The test images beside a training images file, or None when there are neither images nor labels."""
    if _TRAIN not in images.name:
        return None
    names = [images.name.replace(_TRAIN, prefix) for prefix in _TEST]
    for name in names:
        if found := _find(images.parent, name):
            return found
    for name in names:
        if labels := _find(images.parent, _labels_name(name)):
            raise _missing("the images of these labels are missing", labels, name)
    return None


def _labels_of(images: Path) -> Path:
    name = _labels_name(images.name)
    found = _find(images.parent, name)
    if found is None:
        raise _missing("the labels of these images are missing", images, name)
    return found


def _labels_name(images: str) -> str:
    return re.sub(r"idx\d", "idx1", images.replace("images", "labels"))


def _missing(problem: str, partner: Path, name: str) -> DataError:
    spellings = ", ".join(_spellings(name)[1:])
    return DataError(problem, where=str(partner), expected=f"{partner.parent / name} (or {spellings})")
