"""Compiling what a program needs: once, visibly, and by several processes where there is much to do.

Numba compiles one function at a time in a process, so other processes take a share and leave it in the cache.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tatami.engines.cpu.compiled import code_folder
from tatami.engines.cpu.kernels import Kernel
from tatami.plan.machine import cache_folder, core_count

SHARE = 4
"""Kernels from which on another process is worth its start, which takes about a second."""


def compile_kernels(kernels: Sequence[Kernel], dtype: np.dtype) -> dict[Kernel, int]:
    """The addresses of kernels, compiled where that was never done on this machine."""
    missing = [kernel for kernel in kernels if not _is_kept(kernel, dtype)]
    if missing:
        folder = code_folder()
        if folder is not None:
            kept = f", once; kept in {folder.parent}"
        else:
            kept = f"; {cache_folder()} cannot be written, so every run does it: XDG_CACHE_HOME names another place"
        count = f"{len(missing)} kernel{'s' * (len(missing) > 1)}"
        print(f"compiling {count}{kept} ...", file=sys.stderr, flush=True)
        _share_out(missing, dtype)
    return {kernel: kernel.address(dtype) for kernel in kernels}


def _share_out(missing: list[Kernel], dtype: np.dtype) -> None:
    """Compile all; other processes take equal shares, and whatever they fail to do is done here."""
    helpers = min(core_count(), len(missing) // SHARE) - 1 if code_folder() else 0
    running = []
    for i in range(1, helpers + 1):
        names = [kernel.path for kernel in missing[i :: helpers + 1]]
        command = [sys.executable, "-m", "tatami.engines.cpu.compilation", dtype.name, *names]
        try:
            running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        except OSError:
            break
    for kernel in missing[:: max(helpers, 0) + 1]:
        _compile(kernel, dtype)
    for process in running:
        process.wait()
    for kernel in missing:
        _compile(kernel, dtype)


def _compile(kernel: Kernel, dtype: np.dtype) -> None:
    kernel.address(dtype)
    mark = _mark(kernel, dtype)
    if mark is not None:
        mark.touch()


def _is_kept(kernel: Kernel, dtype: np.dtype) -> bool:
    mark = _mark(kernel, dtype)
    return kernel.is_loaded(dtype) or (mark is not None and mark.exists())


def _mark(kernel: Kernel, dtype: np.dtype) -> Path | None:
    folder = code_folder()
    return None if folder is None else folder / f"{kernel.path.replace(':', '-')}-{dtype.name}.done"


def _main(dtype: str, *names: str) -> None:
    for name in names:
        module, function, *variant = name.split(":")
        kernel: Kernel = getattr(importlib.import_module(module), function)
        _compile(kernel.of(int(variant[0])) if variant else kernel, np.dtype(dtype))


if __name__ == "__main__":
    _main(*sys.argv[1:])
