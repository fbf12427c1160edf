"""What changes from step to step: a few words of memory that kernels read, so that no call needs to be made anew."""

from __future__ import annotations

import numpy as np

from tatami.engines.parts import random_step

SEED, STEP, COUNT, RATE, SCALE = range(5)
"""Words: the model's seed; what random numbers are drawn by; the number of this step from 1; and two of float64, the
learning rate and what gradients are multiplied by."""

WORDS = 5


class Clock:
    """The words, in memory of a fixed address."""

    def __init__(self, seed: int) -> None:
        self._words = np.zeros(WORDS, np.int64)
        self._words[SEED] = seed
        self._numbers = self._words.view(np.float64)
        self._numbers[SCALE] = 1.0

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
        """What random numbers are drawn by: see :func:`tatami.engines.parts.random_step`."""
        return int(self._words[STEP])

    @property
    def count(self) -> int:
        """The number of this step, from 1."""
        return int(self._words[COUNT])

    @property
    def rate(self) -> float:
        """The learning rate."""
        return float(self._numbers[RATE])

    @property
    def scale(self) -> float:
        """What gradients are multiplied by."""
        return float(self._numbers[SCALE])

    def set(self, step: int, rate: float, part: int = 0) -> None:
        """Set the clock for a part of the step after ``step`` steps, at learning rate ``rate``."""
        self._words[STEP], self._words[COUNT] = random_step(step, part), step + 1
        self._numbers[RATE] = rate

    def set_scale(self, scale: float) -> None:
        """Set what gradients are multiplied by; 1 at first."""
        self._numbers[SCALE] = scale
