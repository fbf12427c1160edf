"""Where, when and with what versions was it measured?"""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

LIBRARIES = ("numpy", "numba", "torch", "onnxruntime")


class Machine:
    """The machine as it was when the measurements began."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.load = load()
        self.commit = commit()

    def about(self, engine: str, rounds: int) -> str:
        """Two lines of text for a report."""
        minutes = (time.monotonic() - self.began) / 60
        return (
            f"{datetime.date.today()}, {rounds} rounds, {minutes:.0f} minutes. {cpu()}, {cores()} cores; "
            f"load {self.load} before, {load()} at the end.\n"
            f"{platform.system()}, Python {platform.python_version()}, tatami {self.commit}, engine {engine}; "
            f"{', '.join(map(version, LIBRARIES))}."
        )


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def version(library: str) -> str:
    try:
        return f"{library} {importlib.metadata.version(library)}"
    except importlib.metadata.PackageNotFoundError:
        return f"no {library}"


def commit() -> str:
    """The commit, marked where files differ from it; the version where there is no repository."""
    here = Path(__file__).parent
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=here)
    return f"at {found.stdout.strip()}" if found.returncode == 0 else importlib.metadata.version("tatami")
