"""NumPy's NPZ: a zip of .npy arrays. Headers are believed only after they are checked; pickles are refused."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.lib import format as npy

from tatami.data.arrays import as_samples
from tatami.data.assemble import Found, assemble
from tatami.data.checks import check_samples
from tatami.data.dataset import SPLIT_NAMES, SPLITS, Array, Dataset, Kind
from tatami.data.files import DEFLATE_RATIO, check_declared, check_limit, one_line, opened
from tatami.data.options import DataOptions
from tatami.errors import DataError

_KEYS = (
    "x_train and y_train (perhaps x_val, y_val, x_test, y_test), or x and y (X is accepted for x); "
    "perhaps classes, targets, groups, kind"
)
_BESIDE = ("classes", "targets", "kind")


def recognises(path: Path) -> bool:
    """Whether a path is an NPZ file by its name."""
    return path.is_file() and path.suffix.lower() == ".npz"


def load_npz(path: Path, options: DataOptions = DataOptions(), source: str | None = None) -> Dataset:  # noqa: B008
    """Read a data set from an NPZ file.

    The arrays are ``x_train``, ``y_train`` (Keras) and perhaps the same with ``val``, ``valid`` or ``validation``, and
    ``test``; or ``x`` (or ``X``) and ``y``. Beside each there may be ``groups_train`` and so on, or ``groups``: which
    samples belong together. ``classes`` may name the classes, ``targets`` the outputs of a regression.
    :func:`tatami.data.arrays.as_samples` says which shapes are images and which are signals; ``kind``, the text
    ``image`` or ``signal``, settles it where the shape alone does not.

    Args:
        path: the file.
        options: whether labels are classes or targets; a length for signals.
        source: how to call it in errors; the path by default.

    Raises:
        DataError: the file is missing, damaged or too large, holds Python objects, lacks an array, or does not pass
            :func:`tatami.data.assemble.assemble`.
    """
    source = source or str(path)
    with opened(path) as file, _zip(file, source) as archive:
        names = _names(archive)
        keys = _keys(names, source)
        beside = [key for key in _BESIDE if key in names]
        wanted = [key for split in keys.values() for key in split if key]
        arrays = _read(archive, [*wanted, *beside], source)

    said = _kind(arrays, source)
    found, kinds = {}, {}
    for split, (x_key, y_key, group_key) in keys.items():
        x, kinds[split] = as_samples(arrays[x_key], f"{source}, {x_key}", said)
        groups = _groups(arrays[group_key], x, f"{source}, {group_key}") if group_key else None
        found[split] = Found(x, arrays[y_key], x_key, y_key, None, groups)
        if kinds[split] != kinds["train"]:
            raise DataError(
                f"{x_key} holds {kinds[split]}s, but {keys['train'][0]} holds {kinds['train']}s",
                where=f"{source}, {x_key}",
                got=f"{arrays[x_key].dtype} {arrays[x_key].shape}",
                expected=f"as {arrays[keys['train'][0]].dtype} {arrays[keys['train'][0]].shape}",
            )
    targets = tuple(str(name) for name in arrays["targets"].ravel()) if "targets" in arrays else ()
    if targets:
        options = replace(options, task="regression" if options.task == "auto" else options.task)
    return assemble(path.stem, kinds["train"], found, options, source, classes=arrays.get("classes"), targets=targets)


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


def _keys(names: Iterable[str], source: str) -> dict[str, tuple[str, str, str]]:
    """By split, the names of the arrays of samples, labels and groups; the latter empty where there are none."""
    names = list(names)
    short = [name for name in names if name in ("x", "X")]
    if len(short) + ("x_train" in names) > 1:
        raise DataError("more than one array of training samples", where=source, got=_listed(names), expected=_KEYS)
    keys = {}
    if short and "y" in names:
        keys["train"] = (short[0], "y", "groups" if "groups" in names else "")
    for split in SPLITS[len(keys) :]:
        spelled = [w for w, meant in SPLIT_NAMES.items() if meant == split and {f"x_{w}", f"y_{w}"} & {*names}]
        if len(spelled) > 1:
            raise DataError(
                f"more than one {split} split", where=source, got=" and ".join(f"x_{word}" for word in spelled)
            )
        for word in spelled:
            x, y, group = f"x_{word}", f"y_{word}", f"groups_{word}"
            if split == "train" and group not in names:
                group = "groups"
            if split != "train" and (x in names) != (y in names):
                here, missing = (x, y) if x in names else (y, x)
                raise DataError(f"{here} without {missing}", where=source, got=_listed(names), expected=_KEYS)
            if x in names and y in names:
                keys[split] = (x, y, group if group in names else "")
    if "train" not in keys:
        raise DataError("samples or labels are missing", where=source, got=_listed(names), expected=_KEYS)
    return keys


def _groups(groups: Array, x: Array, where: str) -> Array:
    if groups.shape != (len(x),) or groups.dtype.kind not in "iuUS":
        raise DataError(
            "groups that do not pair up with the samples",
            where=where,
            got=f"{groups.dtype} {groups.shape}",
            expected=f"whole numbers or names, ({len(x)},)",
        )
    return groups


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
