"""Work that takes longer than an answer may: done in one thread behind the page, newest first, its result kept.

Of many results those that nobody has asked for longest are forgotten first.
"""

from __future__ import annotations

import threading
import traceback
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tatami.errors import RunError, TatamiError

MOST_KEPT = 24
PATIENCE = 2  # seconds

Progress: TypeAlias = Callable[[int, int], None]
"""Is told how many of how many parts are done."""

Work: TypeAlias = Callable[[Progress], Any]


class _StoppedError(Exception):
    """The server goes: nobody waits for the rest of the work."""


@dataclass(eq=False)
class Job:
    """One piece of work.

    Attributes:
        done, total: parts; 0 of 0 before it has begun.
        is_finished: whether ``value`` or ``error`` is set.
        value: what came of it.
        error: why nothing did.
    """

    work: Work
    done: int = 0
    total: int = 0
    is_finished: bool = False
    value: Any = None
    error: TatamiError | None = None


class Jobs:
    """Work by its key. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._waiting: list[Job] = []
        self._worker: threading.Thread | None = None
        self._stops = False

    def ask(self, key: Hashable, work: Work) -> Job:
        """The job of a key: begun with the first ask, and anew with the first after it has failed and said so."""
        with self._news:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = Job(work)
                self._waiting.append(job)
                self._start()
                self._forget()
                return job
            self._jobs.move_to_end(key)
            if not job.is_finished and job in self._waiting:
                self._waiting.remove(job)  # asked for again: first in turn
                self._waiting.append(job)
            elif job.error is not None:
                del self._jobs[key]
            return job

    def wait(self, job: Job, seconds: float) -> bool:
        """Whether a job has finished, at the latest after so many seconds."""
        with self._news:
            return self._news.wait_for(lambda: job.is_finished, seconds)

    @property
    def waiting(self) -> int:
        """How many jobs have not begun."""
        with self._news:
            return len(self._waiting)

    def close(self) -> None:
        """Stop at the next word of progress, and wait for that, but not for ever: the thread ends with the process."""
        with self._news:
            self._stops = True
            self._news.notify_all()
            worker = self._worker
        if worker is not None:
            worker.join(PATIENCE)

    def _forget(self) -> None:
        for key in [key for key, job in self._jobs.items() if job.is_finished][: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[key]

    def _start(self) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._run, name="look", daemon=True)
            self._worker.start()
        self._news.notify_all()

    def _run(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._stops)
                if self._stops:
                    return
                job = self._waiting.pop()
            try:
                self._do(job)
            except _StoppedError:
                return

    def _do(self, job: Job) -> None:
        def progress(done: int, total: int) -> None:
            job.done, job.total = done, total
            if self._stops:
                raise _StoppedError

        value: Any = None
        error: TatamiError | None = None
        try:
            value = job.work(progress)
        except _StoppedError:
            raise
        except TatamiError as failed:
            error = failed
        except Exception as failed:  # a fault of tatami: the page is told, the terminal sees where
            traceback.print_exc()
            error = RunError("this could not be computed", got=repr(failed)[:200])
        with self._news:
            job.value, job.error, job.is_finished = value, error, True
            self._news.notify_all()
