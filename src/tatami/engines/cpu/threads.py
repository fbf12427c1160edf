"""The threads of the CPU engine: one small pool a process, whose workers wait between steps and cost nothing then.

One program runs at a time, on all threads, so that results do not depend on who else computes; Python threads that call
at once take turns. After a fork the child makes a pool of its own.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.driver import GATE_WORDS, GIVE_UP, run_calls

_Job = tuple[int, int, int, int, int, int]


class ThreadPool:
    """Workers 1, 2, ...; the caller is worker 0."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._queues: list[SimpleQueue[_Job | None]] = []
        self._workers: list[threading.Thread] = []
        raw = np.zeros(GATE_WORDS + 8, np.int64)
        start = -raw.ctypes.data % 64 // 8
        self._gate = raw[start : start + GATE_WORDS]

    def run(self, table: Array, n: int, threads: int) -> None:
        """Run a table of calls on ``threads`` threads; see :func:`tatami.engines.cpu.driver.run_calls`."""
        job = (table.ctypes.data, len(table), n)
        with self._turn:
            try:
                for part in range(1, threads):
                    self._worker(part).put((*job, part, threads, self._gate.ctypes.data))
                run_calls(*job, 0, threads, self._gate.ctypes.data)
            except BaseException:  # an interrupt, between one worker and the next: those that have begun wait for all
                self._give_up()
                raise

    def _give_up(self) -> None:
        """End all workers, when each has finished the call at which it is, and begin anew."""
        self._gate[GIVE_UP] = 1
        for queue in self._queues:
            queue.put(None)
        for worker in self._workers:
            worker.join()
        self._begin()

    def _worker(self, part: int) -> SimpleQueue[_Job | None]:
        while len(self._queues) < part:
            queue: SimpleQueue[_Job | None] = SimpleQueue()
            name = f"tatami-{len(self._queues) + 1}"
            worker = threading.Thread(target=_work, args=(queue,), name=name, daemon=True)
            worker.start()
            self._workers.append(worker)
            self._queues.append(queue)
        return self._queues[part - 1]


def _work(queue: SimpleQueue[_Job | None]) -> None:
    while (job := queue.get()) is not None:
        run_calls(*job)


POOL = ThreadPool()


def _forget() -> None:
    global POOL
    POOL = ThreadPool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def run(table: Array, n: int, threads: int) -> None:
    """Run a table of calls on the process's pool."""
    POOL.run(table, n, threads)
