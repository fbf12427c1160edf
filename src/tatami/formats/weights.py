"""Weights in safetensors: arrays by name and metadata of strings. No pickle.

The header is written here, not by the library, which gives the metadata in a random order: equal weights must make
equal files. The format is the library's (https://huggingface.co/docs/safetensors, "Format"), and its own reader reads
them back: the length of the header as a little-endian uint64, the header in JSON, padded with spaces to a multiple of
8, and the arrays without gaps, little-endian and row by row.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from tatami.errors import RunError
from tatami.formats.atomic import atomic_path

_CODES = {"float32": "F32", "float64": "F64", "int64": "I64", "uint64": "U64"}
DTYPES = tuple(_CODES)


def save_weights(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays and string metadata, whole or not at all. Equal arguments, in any order, make equal bytes.

    Args:
        path: the file to write, ``*.safetensors`` by custom.
        tensors: arrays of any shape, 0-d and empty ones too, of one of :data:`DTYPES`.
        metadata: any strings, by name.

    Raises:
        RunError: another dtype, a metadata value that is no string, or a file that cannot be written.
    """
    for name, tensor in tensors.items():
        if tensor.dtype.name not in DTYPES:
            raise RunError(
                f"tensor {name!r} has a dtype that is not saved",
                where=str(path),
                got=tensor.dtype.name,
                expected=f"one of {', '.join(DTYPES)}",
            )
    strings = dict(metadata or {})
    for key, value in strings.items():
        if not isinstance(value, str):
            raise RunError(
                f"metadata {key!r} is not text", where=str(path), got=type(value).__name__, expected="a string"
            )
    # Wide values first, as the library does it, so that each array lies at a multiple of the size of its values.
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    header = _header({name: tensors[name] for name in names}, strings, str(path))
    with atomic_path(path) as beside, beside.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name in names:
            file.write(tensors[name].astype(tensors[name].dtype.newbyteorder("<"), copy=False).tobytes())


def _header(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], where: str) -> bytes:
    """The header for arrays that lie in this order."""
    entries: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name, tensor in tensors.items():
        if name in entries:
            raise RunError(f"no tensor may be called {name!r}", where=where)
        start, end = end, end + tensor.nbytes
        entries[name] = {"dtype": _CODES[tensor.dtype.name], "shape": tensor.shape, "data_offsets": [start, end]}
    try:
        header = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    except UnicodeEncodeError as error:
        raise RunError("a name or metadata that is not Unicode", where=where, got=ascii(error.object[:60])) from error
    return header + b" " * (-len(header) % 8)


def load_weights(
    path: str | os.PathLike[str], only: Collection[str] | None = None
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read what :func:`save_weights` wrote.

    Args:
        path: the file.
        only: names of the tensors that are wanted, where not all are; one that the file has not is left out.

    Returns:
        The tensors by name (writable, in no promised order) and the metadata.

    Raises:
        RunError: the file is missing, truncated, not safetensors, or holds another dtype than :data:`DTYPES`.
    """
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            names = [name for name in file.keys() if only is None or name in only]  # noqa: SIM118
            tensors = {name: np.require(file.get_tensor(name), requirements="W") for name in names}
            metadata = dict(file.metadata() or {})
    except FileNotFoundError as error:
        raise RunError("no such weights file", where=str(path)) from error
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(
            "not a readable weights file",
            where=str(path),
            got=_one_line(error),
            expected="a whole safetensors file",
            hint="the file may be truncated or from another program",
        ) from error
    for name, tensor in tensors.items():
        if tensor.dtype.name not in DTYPES:
            raise RunError(
                f"tensor {name!r} has a dtype that tatami does not use",
                where=str(path),
                got=tensor.dtype.name,
                expected=f"one of {', '.join(DTYPES)}",
            )
    return tensors, metadata


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
