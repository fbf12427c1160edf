"""Asynchronous successive halving as data: which trial is trained next, and how far.

Source: Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning (MLSys), algorithm 2. A trial climbs a
ladder of rungs, each ``eta`` times as many epochs as the one below. Whenever a worker is free, a trial that is among
the best ``1/eta`` of those measured on its rung is promoted, from the top rung down; where there is none, a new trial
begins. So no worker ever waits for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tatami.errors import OptionError

Score: TypeAlias = tuple[float, ...]
"""Larger is better; the first number counts first. That of a failed trial is ``FAILED``."""

FAILED: Score = (float("-inf"),)

FINAL = -1
"""In place of a rung: the best is trained once more, on the samples too by which it was chosen."""


@dataclass(frozen=True, order=True)
class Job:
    """Train ``trial`` to the end of ``rung``."""

    trial: int
    rung: int


@dataclass(frozen=True)
class Ladder:
    """The rungs.

    Attributes:
        epochs: of each rung, in all, ascending.
        eta: one of so many is promoted.
    """

    epochs: tuple[int, ...]
    eta: int = 3

    @property
    def top(self) -> int:
        """The number of the last rung."""
        return len(self.epochs) - 1

    def more(self, job: Job) -> int:
        """Epochs that a job adds to those of the rung below."""
        return self.epochs[job.rung] - (self.epochs[job.rung - 1] if job.rung else 0)


@dataclass(frozen=True)
class Standing:
    """What is known at one moment.

    Attributes:
        scores: of each rung, the trials that were measured there.
        running: jobs that are being done.
    """

    scores: tuple[Mapping[int, Score], ...]
    running: frozenset[Job] = field(default=frozenset())

    def on(self, rung: int) -> set[int]:
        """The trials that have reached a rung, or are on their way to it."""
        return {*self.scores[rung], *(job.trial for job in self.running if job.rung == rung)}

    def best_waiting(self, rung: int, among: int | None = None) -> Iterator[int]:
        """Trials measured on a rung and not promoted, the best first; only of the best ``among`` of the rung."""
        waiting = self.on(rung + 1)
        ranked = sorted(self.scores[rung].items(), key=lambda item: (tuple(-x for x in item[1]), item[0]))
        for trial, score in ranked[:among]:
            if trial not in waiting and score != FAILED:
                yield trial


def make_ladder(epochs: int, eta: int = 3, rungs: int = 3) -> Ladder:
    """Rungs of ``epochs``, a part ``1/eta`` of that, and so on down; fewer where less than one epoch would be left.

    Raises:
        OptionError: a number that makes no sense.
    """
    for name, value, least in (("epochs", epochs, 1), ("eta", eta, 2), ("rungs", rungs, 1)):
        if value < least:
            raise OptionError(f"impossible {name}", got=value, expected=f"at least {least}")
    steps = {max(1, epochs // eta**k) for k in range(rungs)}
    return Ladder(tuple(sorted(steps)), eta)


def next_job(
    ladder: Ladder, standing: Standing, fresh: int | None, has_time: Callable[[Job], bool] = lambda job: True
) -> Job | None:
    """What a free worker does next; None for nothing, at least until another job has ended.

    Where no trial may be begun any more, the best go on although their share is used up, until ``eta`` trials have
    reached each rung: so there is always one that was trained to the end, and it is the best of several.

    Args:
        ladder: the rungs.
        standing: what is known.
        fresh: the next trial to begin; None when there is none left.
        has_time: whether there is time for a job; for that of a new trial, to train it to the end.
    """
    for job in promotions(ladder, standing):
        if has_time(job):
            return job
    if fresh is not None and has_time(Job(fresh, 0)):
        return Job(fresh, 0)
    return next(filter(has_time, _beyond_their_share(ladder, standing)), None)


def promotions(ladder: Ladder, standing: Standing) -> Iterator[Job]:
    """The promotions that the rule allows now, from the top rung down, the best trial first."""
    for rung in reversed(range(ladder.top)):
        share = len(standing.scores[rung]) // ladder.eta
        yield from (Job(trial, rung + 1) for trial in standing.best_waiting(rung, share))


def _beyond_their_share(ladder: Ladder, standing: Standing) -> Iterable[Job]:
    for rung in reversed(range(ladder.top)):
        if len(standing.on(rung + 1)) < ladder.eta:
            yield from (Job(trial, rung + 1) for trial in standing.best_waiting(rung))
