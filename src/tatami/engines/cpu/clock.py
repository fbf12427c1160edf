"""What changes from step to step: a few words of memory that kernels read, so that no call needs to be made anew."""

from __future__ import annotations

import numpy as np

SEED, STEP, COUNT, RATE = range(4)
"""Words: the model's seed; steps done (for random numbers); the number of this step from 1; float64, learning rate."""

WORDS = 4


class Clock:
    """The words, in memory of a fixed address."""

    def __init__(self, seed: int) -> None:
        self._words = np.zeros(WORDS, np.int64)
        self._words[SEED] = seed

    @property
    def address(self) -> int:
        """Where the words lie."""
        return int(self._words.ctypes.data)

    @property
    def seed(self) -> int:
        """The model's seed."""
        return int(self._words[SEED])

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self._words[STEP])

    @property
    def count(self) -> int:
        """The number of this step, from 1."""
        return int(self._words[COUNT])

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self._words[RATE : RATE + 1].view(np.float64)[0])

    def set(self, step: int, rate: float) -> None:
        """Set the clock for the step after ``step`` steps, at learning rate ``rate``."""
        self._words[STEP], self._words[COUNT] = step, step + 1
        self._words[RATE : RATE + 1].view(np.float64)[0] = rate
