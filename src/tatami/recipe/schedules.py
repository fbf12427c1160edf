"""Learning-rate schedules: pure functions of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from tatami.recipe.checks import find, need, need_positive, need_share


@dataclass(frozen=True)
class Schedule:
    """Base of the schedules."""

    name: ClassVar[str]

    def factor(self, step: int, steps: int) -> float:
        """What the base learning rate is multiplied by.

        Args:
            step: number of the step, from 0.
            steps: number of steps of the whole run.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """The base learning rate throughout."""

    name: ClassVar[str] = "constant"

    def factor(self, step: int, steps: int) -> float:
        return 1.0


@dataclass(frozen=True)
class StepDecay(Schedule):
    """Multiplied by ``gamma`` after ``every`` so many steps, or, when ``every`` is under 1, after that share of them.

    Source: He et al. 2015, section 3.4: "the learning rate is divided by 10 when the error plateaus".
    """

    name: ClassVar[str] = "step"

    every: float = 1 / 3
    gamma: float = 0.1

    def __post_init__(self) -> None:
        need(self.name, "every", self.every, "a share under 1 or a number of steps", _is_share_or_count)
        need_positive(self.name, "gamma", self.gamma)

    def factor(self, step: int, steps: int) -> float:
        period = self.every if self.every >= 1 else self.every * steps
        # A third of 300 steps is 100 steps, although 1/3 * 300 may come out a hair below or above.
        return self.gamma ** math.floor(step / period + 1e-9)


def _is_share_or_count(value: float) -> bool:
    return 0 < value < 1 or (value >= 1 and value % 1 == 0)


@dataclass(frozen=True)
class Cosine(Schedule):
    """From 1 to 0 along half a cosine, after a linear rise over the first ``warmup`` of the steps.

    Source: Loshchilov & Hutter 2016, SGDR, equation 5; the warm-up: Goyal et al. 2017, section 2.2.
    """

    name: ClassVar[str] = "cosine"

    warmup: float = 0.0

    def __post_init__(self) -> None:
        need_share(self.name, "warmup", self.warmup)

    def factor(self, step: int, steps: int) -> float:
        rising = self.warmup * steps
        if step < rising:
            return min((step + 1) / rising, 1.0)
        return _cosine(1, 0, (step - rising) / (steps - rising))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from ``start`` to 1 over the first ``warmup`` of the steps, then down to ``end``, both along half a cosine.

    Source: Smith & Topin 2017, Super-Convergence, section 3, in the shape of PyTorch's OneCycleLR, whose end is lower
    still (1/25 of 1e-4).
    """

    name: ClassVar[str] = "onecycle"

    warmup: float = 0.3
    start: float = 1 / 25
    end: float = 1e-4

    def __post_init__(self) -> None:
        need_share(self.name, "warmup", self.warmup)
        need_positive(self.name, "start", self.start)
        need_positive(self.name, "end", self.end)

    def factor(self, step: int, steps: int) -> float:
        peak = max(self.warmup * steps - 1, 0.0)
        last = steps - 1
        if step < peak:
            return _cosine(self.start, 1, step / peak)
        return _cosine(1, self.end, (step - peak) / (last - peak) if last > peak else 0.0)


def _cosine(first: float, last: float, progress: float) -> float:
    """From ``first`` to ``last`` along half a cosine, ``progress`` going from 0 to 1."""
    return last + (first - last) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2


_SCHEDULES: dict[str, type[Schedule]] = {kind.name: kind for kind in (Constant, StepDecay, Cosine, OneCycle)}
SCHEDULES = tuple(_SCHEDULES)
"""The names that :func:`make_schedule` knows."""


def make_schedule(name: str) -> Schedule:
    """The schedule called ``name``: constant, step, cosine or onecycle.

    Raises:
        OptionError: unknown name.
    """
    return find("schedule", name, _SCHEDULES)()
