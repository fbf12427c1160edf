"""How long a job will take, from those that were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median


@dataclass
class Estimate:
    """Seconds of training, learned as trials end.

    Attributes:
        macs: of each trial that was measured.
        an_epoch: its seconds an epoch.
        beside: seconds of each job that were not training: reading the data, compiling, testing, saving.
    """

    macs: dict[int, int] = field(default_factory=dict)
    an_epoch: dict[int, float] = field(default_factory=dict)
    beside: list[float] = field(default_factory=list)

    def learn(self, trial: int, macs: int, an_epoch: float, beside: float | None = None) -> None:
        """Take in what a job of ``trial`` took."""
        self.macs[trial], self.an_epoch[trial] = macs, an_epoch
        if beside is not None:
            self.beside.append(max(beside, 0.0))

    def seconds(self, trial: int, macs: int, epochs: float, jobs: int = 1) -> float:
        """Of ``epochs`` more of a trial, in so many jobs; 0 while nothing was measured.

        A trial that was not measured is taken to be as fast as the one nearest to it in MACs, and slower in proportion
        where it has more of them.
        """
        if not self.an_epoch:
            return 0.0
        known = self.an_epoch.get(trial)
        if known is None:
            near = min(self.macs, key=lambda other: abs(math.log(max(self.macs[other], 1) / max(macs, 1))))
            known = self.an_epoch[near] * max(1.0, macs / max(self.macs[near], 1))
        return known * epochs + jobs * (median(self.beside) if self.beside else 0.0)
