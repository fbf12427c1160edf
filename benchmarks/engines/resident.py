"""Resident memory of this process, in bytes: now, and at its peak since a moment of choice (Linux)."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from contextlib import suppress
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def settled() -> int:
    """Bytes resident, once what is no longer used has been given back to the system."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    return _status("VmRSS") or peak()


def forget_peak() -> None:
    """Begin anew: the peak is from now on. Without effect where the system cannot."""
    with suppress(OSError):
        RESET.write_text("5", encoding="ascii")


def peak() -> int:
    """Most bytes resident since :func:`forget_peak`, or in the life of the process."""
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(key: str) -> int:
    try:
        lines = STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), 0)
