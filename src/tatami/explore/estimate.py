"""How long a job will take, from those that were measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import fmean, median


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
    _line: tuple[float, float] | None = None

    def learn(self, trial: int, macs: int, an_epoch: float, beside: float | None = None) -> None:
        """Take in what a job of ``trial`` took."""
        self.macs[trial], self.an_epoch[trial] = macs, an_epoch
        if beside is not None:
            self.beside.append(max(beside, 0.0))
        self._line = line_through(list(self.macs.values()), list(self.an_epoch.values()))

    def seconds(self, trial: int, macs: int, epochs: float, jobs: int = 1) -> float:
        """Of ``epochs`` more of a trial, in so many jobs; 0 while nothing was measured.

        A trial that was not measured is taken to lie on the line through the others: so long whatever the network, and
        so long a MAC.
        """
        if self._line is None:
            return 0.0
        whatever, a_mac = self._line
        an_epoch = self.an_epoch.get(trial, whatever + a_mac * macs)
        return an_epoch * epochs + jobs * (median(self.beside) if self.beside else 0.0)


def line_through(xs: list[int], ys: list[float]) -> tuple[float, float]:
    """The line through points by least squares with no negative number: its height at 0, and its slope."""
    x, y = fmean(xs), fmean(ys)
    spread = sum((each - x) ** 2 for each in xs)
    slope = sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / spread if spread else 0.0
    slope = min(max(slope, 0.0), y / x if x else 0.0)
    return y - slope * x, slope
