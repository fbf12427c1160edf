"""What the server was started with and what it holds open: the only state of the page's server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tatami.data.builtin import SAMPLES
from tatami.data.source import need_source
from tatami.errors import OptionError, RunError, nearest
from tatami.train.run import CONFIG
from tatami.web.data_name import data_name

MOST_KEPT = 8  # opened runs and data sets, the least recently used goes first

_T = TypeVar("_T")


@dataclass(eq=False)
class _Making:
    """A key that somebody asks for: one at a time makes it; forgotten with the last of them, as keys may be lines."""

    alone: threading.RLock = field(default_factory=threading.RLock)
    askers: int = 0


class Session:
    """The state of one server. Every method may be called from any thread.

    Args:
        data: a DATA as on the command line, offered beside the built-in samples; None for these alone.
        runs_folder: where runs are listed and new ones made.
        run: a run directory that is listed too, and shown first, wherever it lies.
        seed: of everything at random that the page starts.

    Raises:
        DataError: nothing is at ``data``.
    """

    def __init__(
        self, data: str | None = None, runs_folder: Path = Path("runs"), run: Path | None = None, seed: int = 0
    ) -> None:
        if data is not None:
            need_source(data)
        self.given, self.runs_folder, self.first_run, self.seed = data, runs_folder, run, seed
        self.closing = threading.Event()
        """Set when the server is told to stop: a stream of answers ends then."""
        self._lock = threading.Lock()
        self._making: dict[Hashable, _Making] = {}
        self._closers: list[Callable[[], None]] = []
        self._kept: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    # --- names that a request may say ---

    def data_ids(self) -> list[str]:
        """Names of the data that a request may ask for: what was given first, then the built-in samples."""
        return list(self._data())

    def data(self, name: str) -> str:
        """The DATA of a listed name.

        Raises:
            OptionError: no such name was listed.
        """
        return _listed(name, self._data(), "data", OptionError)

    def _data(self) -> dict[str, str]:
        samples = [f"sample:{name}" for name in SAMPLES]
        given = [] if self.given is None else [self.given]
        return {data_name(source): source for source in given + samples}

    def run_ids(self) -> list[str]:
        """Names of the runs: the one given first, then those of the folder, newest first."""
        return list(self.runs())

    def run(self, name: str) -> Path:
        """The directory of a listed run.

        Raises:
            RunError: no such name was listed.
        """
        return _listed(name, self.runs(), "run", RunError)

    def runs(self) -> dict[str, Path]:
        """The directories of all runs by name, in the order of :meth:`run_ids`."""
        found = [path.parent for path in self.runs_folder.glob(f"*/{CONFIG}")]
        found.sort(key=lambda path: _time(path / CONFIG), reverse=True)
        first = [] if self.first_run is None else [self.first_run]
        runs: dict[str, Path] = {}
        for path in first + found:
            runs.setdefault(path.resolve().name, path)
        return runs

    # --- what is held open ---

    def kept(self, key: Hashable, stamp: Hashable, make: Callable[[], _T]) -> _T:
        """What ``make`` returned for ``key``, made anew when ``stamp`` has changed, such as a file's time."""
        with self._lock:
            making = self._making.setdefault(key, _Making())
            making.askers += 1
        try:
            with making.alone:  # who asks for something else need not wait
                with self._lock:
                    if key in self._kept and self._kept[key][0] == stamp:
                        self._kept.move_to_end(key)
                        known: _T = self._kept[key][1]
                        return known
                made = make()
                with self._lock:
                    self._kept[key] = (stamp, made)
                    while len(self._kept) > MOST_KEPT:
                        self._kept.popitem(last=False)
                return made
        finally:
            with self._lock:
                making.askers -= 1
                if not making.askers:
                    del self._making[key]

    def on_close(self, closer: Callable[[], None]) -> None:
        """Have ``closer`` called once, when the server has stopped: as to let a training save what it has."""
        with self._lock:
            self._closers.append(closer)

    def close(self) -> None:
        """Call the closers, the last first. Safe to call twice."""
        self.closing.set()
        while True:
            with self._lock:
                if not self._closers:
                    return
                closer = self._closers.pop()
            closer()


def _time(path: Path) -> float:
    """When a file was written; 0 for one that has gone meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _listed(name: str, known: Mapping[str, _T], what: str, error: type[OptionError] | type[RunError]) -> _T:
    if name in known:
        return known[name]
    close = nearest(name, known)
    raise error(
        f"no such {what} here",
        got=repr(name[:100]),
        expected=f"one of {', '.join(list(known)[:8])}" if known else f"a {what}, and there is none yet",
        hint=f"did you mean {close}?" if close else None,
    )
