"""NumPy's NPZ: a zip of .npy arrays. Headers are believed only after they are checked; pickles are refused."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.lib import format as npy

from tatami.data.arrays import as_labels, as_samples
from tatami.data.dataset import Array, Dataset, Kind, Split, check, check_samples
from tatami.data.files import DEFLATE_RATIO, check_declared, check_limit, one_line, opened
from tatami.errors import DataError

_KEYS = "x_train and y_train (perhaps x_test, y_test), or x and y (X is accepted for x); perhaps classes, kind"


def load_npz(path: Path, source: str | None = None) -> Dataset:
    """Read a data set from an NPZ file.

    The arrays are ``x_train``, ``y_train``, and perhaps ``x_test``, ``y_test`` (Keras), or ``x`` (or ``X``) and ``y``;
    ``classes`` may name the classes. :func:`tatami.data.arrays.as_samples` says which shapes are images and which
    are signals; ``kind``, the text ``image`` or ``signal``, settles it where the shape alone does not.

    Args:
        path: the file.
        source: how to call it in errors; the path by default.

    Raises:
        DataError: the file is missing, damaged or too large, holds Python objects, lacks an array, or does not pass
            :func:`tatami.data.check`.
    """
    source = source or str(path)
    with opened(path) as file, _zip(file, source) as archive:
        x_keys, y_keys = _pairs(_names(archive), source)
        wanted = [*x_keys, *y_keys, *(key for key in ("classes", "kind") if key in _names(archive))]
        arrays = _read(archive, wanted, source)

    kind = _kind(arrays, source)
    splits = [as_samples(arrays[key], f"{source}, {key}", kind) for key in x_keys]
    kinds = [kind for _, kind in splits]
    if kinds[0] != kinds[-1]:
        raise DataError(
            f"{x_keys[-1]} holds {kinds[-1]}s, but {x_keys[0]} holds {kinds[0]}s",
            where=f"{source}, {x_keys[-1]}",
            got=f"{arrays[x_keys[-1]].dtype} {arrays[x_keys[-1]].shape}",
            expected=f"as {arrays[x_keys[0]].dtype} {arrays[x_keys[0]].shape}",
        )
    ys = [(arrays[key], f"{source}, {key}") for key in y_keys]
    labels, classes = as_labels(ys, arrays.get("classes"), f"{source}, classes")
    train, *test = [Split(x, y) for (x, _), y in zip(splits, labels, strict=True)]
    dataset = Dataset(path.stem, kinds[0], train, test[0] if test else None, classes, source)
    return check(dataset, source, (x_keys[0], x_keys[-1]), (y_keys[0], y_keys[-1]))


def read_npz_samples(path: Path, kind: Kind | None = None) -> Array:
    """Read unlabelled samples as (N, H, W, C) or (N, L, C): the array ``x`` (or ``X``) of an NPZ file, else ``x_test``.

    Args:
        path: the file.
        kind: what the samples are meant to be, where the file has no array ``kind``.

    Raises:
        DataError: as :func:`load_npz`, labels aside.
    """
    source = str(path)
    with opened(path) as file, _zip(file, source) as archive:
        names = _names(archive)
        key = next((key for key in ("x", "X", "x_test") if key in names), None)
        if key is None:
            raise DataError(
                "no samples in this file", where=source, got=_listed(names), expected="an array x, or else x_test"
            )
        arrays = _read(archive, [key, *(["kind"] if "kind" in names else [])], source)
    x, found = as_samples(arrays[key], f"{source}, {key}", _kind(arrays, source) or kind)
    check_samples(x, found, f"{source}, {key}")
    return x


def _kind(arrays: dict[str, Array], source: str) -> Kind | None:
    """What the file says that its samples are."""
    if "kind" not in arrays:
        return None
    kind = arrays["kind"]
    text = kind.astype(str).item() if kind.size == 1 and kind.dtype.kind in "US" else None
    if text not in ("image", "signal"):
        got = repr(text) if text is not None else f"{kind.dtype} {kind.shape}"
        raise DataError("an unknown kind of samples", where=f"{source}, kind", got=got, expected="image or signal")
    return cast(Kind, text)


def _pairs(names: Iterable[str], source: str) -> tuple[list[str], list[str]]:
    """The names of the arrays of samples and of labels, training first."""
    names = list(names)
    short = [name for name in names if name in ("x", "X")]
    if len(short) + ("x_train" in names) > 1:
        raise DataError("more than one array of training samples", where=source, got=_listed(names), expected=_KEYS)
    if short and "y" in names:
        return short, ["y"]
    if "x_train" in names and "y_train" in names:
        test = [key for key in ("x_test", "y_test") if key in names]
        if len(test) == 1:
            missing = ({"x_test", "y_test"} - {*test}).pop()
            raise DataError(f"{test[0]} without {missing}", where=source, got=_listed(names), expected=_KEYS)
        return ["x_train", *test[:1]], ["y_train", *test[1:]]
    raise DataError("samples or labels are missing", where=source, got=_listed(names), expected=_KEYS)


def _listed(names: Iterable[str]) -> str:
    names = sorted(names)
    return ("arrays " + ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) if names else "no arrays"


def _zip(file: IO[bytes], source: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(error, source) from error


def _names(archive: zipfile.ZipFile) -> list[str]:
    return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def _read(archive: zipfile.ZipFile, keys: list[str], source: str) -> dict[str, Array]:
    """Read the arrays, after all their headers have been checked together."""
    try:
        headers = [_declared(archive, key, f"{source}, {key}") for key in keys]
        sizes = [(math.prod(shape), dtype.itemsize) for shape, dtype in headers]
        check_limit(sum(count for count, _ in sizes), sum(count * width for count, width in sizes), source)
        arrays = {}
        for key in keys:
            with archive.open(f"{key}.npy") as member:
                arrays[key] = npy.read_array(member, allow_pickle=False)
        return arrays
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
        # RuntimeError: an encrypted member. Its NotImplementedError: a feature that zipfile does not know.
        raise _damaged(error, source) from error


def _declared(archive: zipfile.ZipFile, key: str, where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and dtype that a member's header declares, once they agree with the size of the member."""
    info = archive.getinfo(f"{key}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError("unknown compression", where=where, got=info.compress_type, expected="stored or deflated")
    with archive.open(info) as member:
        shape, dtype = _header(member, where)
        header = member.tell()
    if dtype.hasobject:
        raise DataError(
            "this array holds Python objects, which only pickle could read",
            where=where,
            got=f"dtype {dtype}",
            expected="numbers or text",
            hint=f"{key}.astype(str) for names, {key}.astype('int64') for numbers, before saving"
            if key.startswith("y") or key in ("classes", "kind")
            else "rows of unequal length make such arrays: pad or resize them first, then save with allow_pickle=False",
        )
    if any(size < 0 for size in shape):
        raise DataError("negative sizes", where=where, got=shape, expected="sizes from 0")
    elements = math.prod(shape)
    size = elements * dtype.itemsize
    room = info.compress_size * (DEFLATE_RATIO if info.compress_type == zipfile.ZIP_DEFLATED else 1)
    check_declared(elements, size, min(info.file_size, room) - header, where)
    if header + size != info.file_size:
        raise DataError(
            "bytes after the end of the data",
            where=where,
            got=f"{info.file_size:,} bytes",
            expected=f"{header + size:,} bytes",
        )
    return shape, dtype


def _header(member: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(member)
    if version not in ((1, 0), (2, 0)):
        raise DataError("unknown .npy version", where=where, got=version, expected="1.0 or 2.0")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, _, dtype = read(member)
    except Exception as error:  # the header is a Python literal: whatever Python's tokenizer and parser raise
        raise _damaged(error, where) from error
    return shape, dtype


def _damaged(error: Exception, source: str) -> DataError:
    return DataError(
        "not a readable NPZ file",
        where=source,
        got=one_line(error),
        expected="a whole file from numpy.savez",
        hint="it may be truncated or another kind of file",
    )
