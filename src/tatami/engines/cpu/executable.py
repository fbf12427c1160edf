"""A program made ready to run: every op turned into calls on fixed addresses, all in one table of words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.compilation import compile_kernels
from tatami.engines.cpu.kernels import Call
from tatami.engines.cpu.threads import run


@dataclass(frozen=True)
class Table:
    """Calls in order, as :func:`tatami.engines.cpu.driver.run_calls` reads them.

    Attributes:
        rows: (calls, 2): a kernel's address and that of its words.
        words: the arguments of all calls; kept, for the rows point into it.
    """

    rows: Array
    words: Array

    def run(self, n: int, threads: int) -> None:
        """Run all calls on ``n`` samples."""
        if len(self.rows):
            run(self.rows, n, threads)


def make_table(calls: Iterable[Call], dtype: np.dtype) -> Table:
    """Compile what is not compiled yet, and lay the calls out."""
    calls = list(calls)
    lists = [call.words() for call in calls]
    words = np.array([word for one in lists for word in one], np.int64)
    starts = np.cumsum([0, *(len(one) for one in lists[:-1])]) if lists else np.zeros(0, np.int64)
    addresses = compile_kernels(list(dict.fromkeys(call.kernel for call in calls)), dtype)
    rows = np.empty((len(calls), 2), np.int64)
    for row, call, start in zip(rows, calls, starts, strict=True):
        row[:] = addresses[call.kernel], words.ctypes.data + 8 * int(start)
    return Table(rows, words)
