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
from tatami.engines.cpu.driver import GATE_WORDS, run_calls

_Job = tuple[int, int, int, int, int, int]


class ThreadPool:
    """Workers 1, 2, ...; the caller is worker 0."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._queues: list[SimpleQueue[_Job]] = []
        self._gate = np.zeros(2 * GATE_WORDS, np.int64)
        self._gate_address = -(-self._gate.ctypes.data // 64) * 64

    def run(self, table: Array, n: int, threads: int) -> None:
        """Run a table of calls on ``threads`` threads; see :func:`tatami.engines.cpu.driver.run_calls`."""
        address, count = table.ctypes.data, len(table)
        with self._turn:
            for part in range(1, threads):
                self._worker(part).put((address, count, n, part, threads, self._gate_address))
            run_calls(address, count, n, 0, threads, self._gate_address)

    def _worker(self, part: int) -> SimpleQueue[_Job]:
        while len(self._queues) < part:
            queue: SimpleQueue[_Job] = SimpleQueue()
            name = f"tatami-{len(self._queues) + 1}"
            threading.Thread(target=_work, args=(queue,), name=name, daemon=True).start()
            self._queues.append(queue)
        return self._queues[part - 1]


def _work(queue: SimpleQueue[_Job]) -> None:
    while True:
        run_calls(*queue.get())


POOL = ThreadPool()


def _forget() -> None:
    global POOL
    POOL = ThreadPool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def run(table: Array, n: int, threads: int) -> None:
    """Run a table of calls on the process's pool."""
    POOL.run(table, n, threads)
