"""The search: jobs out to the workers, results back into the journal, until time or members are at their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from pathlib import Path

from tatami.errors import TatamiError
from tatami.explore.estimate import Estimate
from tatami.explore.halving import FINAL, Job, next_job
from tatami.explore.journal import Journal
from tatami.explore.outcome import exploration_of, final_run
from tatami.explore.space import STOP, Space
from tatami.explore.trial import Result, advance
from tatami.explore.workers import Workers
from tatami.train.interrupt import stop_on_interrupt

MOST_LOSSES = 3
"""A job whose worker is lost so many times is given up: most likely the job is the cause."""

LOOK = 0.2  # seconds between two looks for Ctrl-C


@dataclass(frozen=True)
class Moment:
    """What a listener is told: how far the search is.

    Attributes:
        journal: what has happened.
        running: how many jobs are.
        left: seconds.
        job: that has just ended; None at other times.
        result: its result.
    """

    journal: Journal
    running: int
    left: float
    job: Job | None = None
    result: Result | None = None


Listener = Callable[[Moment], None]


class Search:
    """A search that goes on from what is in the journal.

    Args:
        space: what is searched.
        folder: the exploration's directory.
        journal: what has happened.
        workers: who trains.
        listen: is told when a job has begun or ended.
        began: when this call began, on the clock of :func:`time.monotonic`.
    """

    def __init__(
        self, space: Space, folder: Path, journal: Journal, workers: Workers, listen: Listener, began: float
    ) -> None:
        self.space, self.folder, self.journal, self.workers, self.listen = space, folder, journal, workers, listen
        self.ladder = space.settings.ladder
        self.begun_at, self.spent_before = began, journal.spent
        self.interrupted = False
        self.running: dict[Future[Result], tuple[Job, float]] = {}
        self.estimate = Estimate()
        for job, result in journal.results.items():
            self._learn(job, result)
        self.again = journal.pending

    @property
    def spent(self) -> float:
        """Seconds that the exploration has taken, those of earlier calls included."""
        return self.spent_before + time.monotonic() - self.begun_at

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.space.settings.seconds - self.spent

    def go(self) -> str:
        """Train until there is nothing left to do; returns why it ended."""
        stop = self.folder / STOP
        stop.unlink(missing_ok=True)
        with self.workers, stop_on_interrupt() as asked:
            self._work(self._next, asked, stop)
            ended = self._why()
            self.again = self._final()
            self._work(self._left_over, asked, stop)
        stop.unlink(missing_ok=True)
        self.interrupted = asked()
        if self.interrupted:
            ended = "interrupted; the same command goes on"
        self.journal.add("left", self.spent, reason=ended)
        return ended

    def _work(self, choose: Callable[[], Job | None], asked: Callable[[], bool], stop: Path) -> None:
        """Do the jobs that ``choose`` names, until there is none, or, once asked to stop, until all have saved."""
        while True:
            if asked() and not stop.exists():
                stop.touch()
            while not asked() and len(self.running) < self.workers.jobs and (job := choose()) is not None:
                self._submit(job)
            if not self.running:
                return
            done, _ = wait(self.running, LOOK, FIRST_COMPLETED)
            self._collect(done)

    def _why(self) -> str:
        standing = self.journal.standing(self.ladder, set())
        if next_job(self.ladder, standing, self._fresh()) is not None:
            return "the time is up"
        is_all = len(self.space.order) == len(self.space.candidates.members)
        return "all members were tried" if is_all else "all trials were done"

    def _fresh(self) -> int | None:
        """The next trial to begin, in their order: the first for which there is time, or else the first of all."""
        begun = {job.trial for job in self.journal.began}
        waiting = [number for number in range(len(self.space.order)) if number not in begun]
        return next((number for number in waiting if self._has_time(Job(number, 0))), next(iter(waiting), None))

    def _left_over(self) -> Job | None:
        """A job that was begun before."""
        return self.again.pop(0) if self.again else None

    def _next(self) -> Job | None:
        if self.again:
            return self._left_over()
        standing = self.journal.standing(self.ladder, {job for job, _ in self.running.values()})
        return next_job(self.ladder, standing, self._fresh(), self._has_time)

    def _has_time(self, job: Job) -> bool:
        """Whether a job would be done in time: that of a new trial, with all that are above it.

        Time is kept to train the best once more: as much as for the slower of this trial and the best so far, on the
        threads of all that will have ended; twice as many threads take about two thirds of the time.
        """
        if job.rung:
            epochs, jobs = self.ladder.more(job), 1
        else:
            epochs, jobs = self.ladder.epochs[-1], len(self.ladder.epochs)
        best = max(self.journal.results, key=lambda done: (done.rung, self.journal.results[done].rank), default=job)
        share, kept = self.space.config.validation, 0.0
        if share:
            again = self.ladder.epochs[-1] / (1 - share) * 2 / (1 + self.workers.shares)
            kept = max(self._seconds(trial, again) for trial in (job.trial, best.trial))
        return self._seconds(job.trial, epochs, jobs) + kept <= self.left

    def _seconds(self, trial: int, epochs: float, jobs: int = 1) -> float:
        return self.estimate.seconds(trial, self._macs(trial), epochs, jobs)

    def _macs(self, trial: int) -> int:
        return self.space.member(trial).macs

    def _final(self) -> list[Job]:
        """The best once more, on all training samples; nothing where that has been done, or none was held out."""
        best = exploration_of(self.space, self.folder, self.journal, "", self.spent).best
        if best is None or final_run(self.space, self.folder, self.journal, best) is not None:
            return []
        return [Job(best.number, FINAL)]

    def _submit(self, job: Job) -> None:
        if job not in self.journal.began:
            line = self.space.member(job.trial).line
            self.journal.add("began", self.spent, trial=job.trial, rung=job.rung, line=line)
        task = self.space.task(self.folder, job, self._epochs(job), self.workers.shares)
        self.running[self.workers.executor().submit(advance, task)] = job, time.monotonic()
        self.listen(Moment(self.journal, len(self.running), self.left))

    def _epochs(self, job: Job) -> int:
        """To train, in all: the best once more for as long as before."""
        latest = self.journal.latest(job.trial)
        return latest.epochs if job.rung == FINAL and latest is not None else self.ladder.epochs[job.rung]

    def _collect(self, done: set[Future[Result]]) -> None:
        lost = []
        for future in done:
            job, began = self.running.pop(future)
            error = CancelledError("cancelled") if future.cancelled() else future.exception()
            if error is None:
                self._take(job, future.result(), time.monotonic() - began)
            elif isinstance(error, TatamiError):
                raise error
            else:
                lost.append((job, error))
        if lost:
            self.workers.renew()
        for job, error in lost:
            if self.journal.losses.get(job, 0) + 1 >= MOST_LOSSES:
                said = f"its worker was lost {MOST_LOSSES} times: {type(error).__name__}: {str(error)[:200]}"
                self._take(job, Result(epochs=self._epochs(job), failure=said), None)
                continue
            self.journal.add("lost", self.spent, trial=job.trial, rung=job.rung, error=type(error).__name__)
            self.again.append(job)

    def _take(self, job: Job, result: Result, wall: float | None) -> None:
        if result.stopped:
            return
        before = self.journal.latest(job.trial)
        self.journal.add_result(job, self.spent, result)
        self._learn(job, result, None if wall is None else wall - (result.seconds - (before.seconds if before else 0)))
        self.listen(Moment(self.journal, len(self.running), self.left, job, result))

    def _learn(self, job: Job, result: Result, beside: float | None = None) -> None:
        if not result.failure and job.rung != FINAL:
            self.estimate.learn(job.trial, self._macs(job.trial), result.seconds / max(result.epochs, 1), beside)
