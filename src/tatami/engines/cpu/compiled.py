"""Compiled code and where it is kept: :func:`compiled` for functions that kernels are made of.

Numba keeps machine code beside the source file, and notices when that file changes, but not when one that it calls
does. So the engine keeps its own in a folder of the user's cache, one for each state of the sources, those in
``plan.scratch`` included, whose sizes are compiled in. Nothing of it is shared with other users, and Numba's own
settings stay as they are.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba import njit

from tatami.plan.machine import cache_folder


@cache
def code_folder() -> Path | None:
    """Where machine code is kept; None where no folder can be written."""
    digest = hashlib.sha256(numba.__version__.encode())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *(here.parents[1] / "plan" / "scratch").glob("*.py")]):
        digest.update(path.read_bytes())
    folder = cache_folder() / "kernels" / digest.hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


@contextmanager
def _kept_there(folder: Path | None) -> Iterator[None]:
    before = numba.config.CACHE_DIR
    if folder is not None:
        numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def compiled(function: Callable[..., Any]) -> Any:
    """Decorator: compile on the first call, without the interpreter's lock, and keep the machine code."""
    folder = code_folder()
    with _kept_there(folder):
        dispatcher = njit(nogil=True, cache=folder is not None, error_model="numpy")(function)
    _ALL.append(dispatcher)
    return dispatcher


_ALL: list[Any] = []


def forget_all() -> None:
    """Forget what is kept of every function that has been imported, so that it is compiled anew."""
    for dispatcher in _ALL:
        dispatcher._cache.flush()
