"""This machine, as far as plans speak of it: its processor, how many threads there are, where measurements are kept."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from tatami.errors import OptionError

THREADS = "TATAMI_NUM_THREADS"


def cpu_model() -> str:
    """The processor's model, as well as the system knows it."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return " ".join(value.split())
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown processor"


def core_count() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_count() -> int:
    """How many threads the CPU engine uses: ``TATAMI_NUM_THREADS``, or as many as there are processors.

    Raises:
        OptionError: the variable holds no number of threads.
    """
    wanted = os.environ.get(THREADS, "").strip()
    if not wanted:
        return core_count()
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 1024:
        raise OptionError("impossible number of threads", where=THREADS, got=wanted, expected="1 to 1024")
    return int(wanted)


def cache_folder() -> Path:
    """``tatami`` in the user's cache folder: ``$XDG_CACHE_HOME``, or ``~/.cache``.

    A relative ``$XDG_CACHE_HOME`` is passed over, as the XDG Base Directory Specification asks. For a user without a
    home it is a path under which nothing can be.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(named):
        return Path(named) / "tatami"
    try:
        return Path.home() / ".cache" / "tatami"
    except RuntimeError:
        return Path(os.devnull) / "tatami"
