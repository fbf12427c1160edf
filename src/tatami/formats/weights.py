"""Weights in safetensors: arrays by name and metadata of strings. No pickle."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from tatami.errors import RunError
from tatami.formats.atomic import atomic_path

DTYPES = ("float32", "float64", "int64", "uint64")


def save_weights(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays and string metadata, whole or not at all.

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
    # safetensors copies the raw memory: views and big-endian arrays must become plain ones first. (Not
    # np.ascontiguousarray, which makes 0-d arrays 1-d.)
    plain = {
        name: np.asarray(tensor, dtype=tensor.dtype.newbyteorder("="), order="C") for name, tensor in tensors.items()
    }
    try:
        with atomic_path(path) as beside:
            beside.touch()
            mode = beside.stat().st_mode
            save_file(plain, beside, metadata=strings)
            beside.chmod(mode)  # safetensors writes files for the owner only; the umask decides here, as elsewhere
    except SafetensorError as error:
        raise RunError(
            "cannot write this file", where=str(path), got=_one_line(error), expected="a writable folder with room"
        ) from error


def load_weights(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Read what :func:`save_weights` wrote.

    Returns:
        The tensors by name (writable, in no promised order) and the metadata.

    Raises:
        RunError: the file is missing, truncated, not safetensors, or holds another dtype than :data:`DTYPES`.
    """
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            tensors = {name: np.require(file.get_tensor(name), requirements="W") for name in file.keys()}  # noqa: SIM118
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
