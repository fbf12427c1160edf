"""A whole exploration: a family and data in, a directory with trials, events and a Pareto front out.

Everything is in the directory, so that the same call goes on after Ctrl-C, a crash or the end of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path

from tatami.data import Dataset, load, refuse_unused
from tatami.data.augment import make_augment
from tatami.errors import OptionError, RunError, TatamiError
from tatami.explore.candidates import Candidates, find_candidates, planned_figures, with_threads
from tatami.explore.estimate import Estimate
from tatami.explore.halving import FINAL, Job, next_job
from tatami.explore.journal import Journal
from tatami.explore.outcome import Found, examine_best, found_of, train_command
from tatami.explore.sampling import spread_order
from tatami.explore.settings import FILE, Settings, continued, read_settings, write_settings
from tatami.explore.trial import Result, Task, advance
from tatami.explore.workers import Workers
from tatami.plan.figures import Figures
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.defaults import held_out_share, resolve
from tatami.train.interrupt import stop_on_interrupt
from tatami.train.run import Run
from tatami.views.front import Exploration, FinalTest, Tried

STOP = "stop"
MOST_LOSSES = 3
"""A job whose worker is lost so many times is given up: most likely the job is the cause."""

LOOK = 0.2  # seconds between two looks for Ctrl-C

Listener = Callable[["Moment"], None]


class Moment:
    """What a listener is told: how far the exploration is.

    Attributes:
        journal: what has happened.
        job: that has just ended; None at other times.
        result: its result.
        running: jobs.
        left: seconds.
    """

    def __init__(
        self, journal: Journal, running: int, left: float, job: Job | None = None, result: Result | None = None
    ) -> None:
        self.journal, self.running, self.left, self.job, self.result = journal, running, left, job, result


def resolved(training: TrainConfig, dataset: Dataset) -> ResolvedConfig:
    """The settings of the trainings without open questions, the same for all members.

    The test split stays unseen, and the validation samples judge.
    """
    training = replace(training, test=False, patience=None)
    share = held_out_share(training, dataset)
    if not share and dataset.validation is None:
        raise OptionError("nothing to judge networks by", got="--validation 0", expected="a share above 0")
    samples = len(dataset.train) - round(share * len(dataset.train))
    return resolve(replace(training, validation=share), samples, is_regression=dataset.is_regression)


def explore(settings: Settings, folder: Path, workers: Workers, listen: Listener) -> Found:
    """Search, or go on with the search that lies in ``folder``.

    Args:
        settings: what, and how long.
        folder: the exploration's directory.
        workers: who trains.
        listen: is told when a job has begun or ended.

    Raises:
        TatamiError: bad text, data or settings, before anything is trained; the disk does not take it.
    """
    began = time.monotonic()
    refuse_unused(settings.training.data, settings.training.reading)
    dataset = load(settings.training.data, settings.training.reading)
    config = resolved(settings.training, dataset)
    mixes = make_augment(config.augment, dataset.kind, dataset.sample_shape, len(dataset.train)).mixup > 0
    with with_threads(settings.threads):
        candidates = find_candidates(settings.family, settings.choices, settings.budgets, dataset, config, mixes)
        folder.mkdir(parents=True, exist_ok=True)
        with Run(folder).alone():
            if (folder / FILE).exists():
                settings = continued(settings, read_settings(folder), str(folder))
            elif any(folder.iterdir()):
                raise RunError(
                    "the exploration's place is taken", where=str(folder), hint="--run another, or remove it"
                )
            write_settings(folder, settings)
            search = _Search(settings, folder, workers, listen, dataset, config, candidates, mixes, began)
            ended = search.go()
            tested = None
            if dataset.test is not None and (run := search.run_to_test()) is not None:
                tested = examine_best(search.journal, search.values(ended), run, settings, search.spent)
            return found_of(folder, search.values(ended, tested))


class _Search:
    """The search: jobs out to the workers, results back into the journal."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        workers: Workers,
        listen: Listener,
        dataset: Dataset,
        config: ResolvedConfig,
        candidates: Candidates,
        mixes: bool,
        began: float,
    ) -> None:
        self.settings, self.folder, self.workers, self.listen = settings, folder, workers, listen
        self.dataset, self.config, self.candidates, self.mixes = dataset, config, candidates, mixes
        self.ladder, self.journal = settings.ladder, Journal(folder)
        given = settings.training
        data = str(Path(given.data).resolve()) if Path(given.data).exists() else given.data
        self.training = replace(
            given, data=data, test=False, patience=None, batch=config.batch, validation=config.validation
        )
        params = [member.params for member in candidates.members]
        self.order = spread_order(params, settings.seed)[: settings.trials]
        self.begun_at, self.spent_before = began, self.journal.spent
        self.running: dict[Future[Result], tuple[Job, float]] = {}
        self.plans: dict[int, Figures] = {}
        self.estimate = Estimate()
        for job, result in self.journal.results.items():
            self._learn(job, result)
        self.again = self.journal.pending

    @property
    def spent(self) -> float:
        """Seconds that the exploration has taken, those of earlier calls included."""
        return self.spent_before + time.monotonic() - self.begun_at

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.settings.seconds - self.spent

    def go(self) -> str:
        """Train until there is nothing left to do; returns why it ended."""
        stop = self.folder / STOP
        stop.unlink(missing_ok=True)
        with self.workers, stop_on_interrupt() as asked:
            self._work(self._next, asked, stop)
            ended = self._why(asked())
            self.again = self._final()
            self._work(self._left_over, asked, stop)
        stop.unlink(missing_ok=True)
        if asked():
            ended = self._why(True)
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

    def _why(self, interrupted: bool) -> str:
        if interrupted:
            return "interrupted; the same command goes on"
        standing = self.journal.standing(self.ladder, set())
        if next_job(self.ladder, standing, self._fresh()) is not None:
            return "the time is up"
        return "all members were tried" if len(self.order) == len(self.candidates.members) else "all trials were done"

    def _fresh(self) -> int | None:
        """The next trial to begin, in their order: the first for which there is time, or else the first of all."""
        begun = {job.trial for job in self.journal.began}
        waiting = [number for number in range(len(self.order)) if number not in begun]
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
        again = self.ladder.epochs[-1] / (1 - self.config.validation) * 2 / (1 + self.workers.shares)
        kept = max(self._seconds(trial, again) for trial in (job.trial, best.trial)) if self.config.validation else 0.0
        return self._seconds(job.trial, epochs, jobs) + kept <= self.left

    def _seconds(self, trial: int, epochs: float, jobs: int = 1) -> float:
        return self.estimate.seconds(trial, self._macs(trial), epochs, jobs)

    def _final(self) -> list[Job]:
        """The best once more, on all training samples; nothing where that has been done, or none was held out."""
        best = self.values("").best
        if best is None or not self.config.validation:
            return []
        done = self.journal.results.get(Job(best.number, FINAL))
        return [] if done is not None and done.epochs >= best.epochs else [Job(best.number, FINAL)]

    def run_to_test(self) -> Path | None:
        """The run directory of the network that the search has come to; None while there is none."""
        best = self.values("").best
        if best is None:
            return None
        if not self.config.validation:
            return Path(best.run)
        done = self.journal.results.get(Job(best.number, FINAL))
        if done is None or done.failure or done.epochs < best.epochs:
            return None
        return self.run_of(best.number, FINAL)

    def _macs(self, trial: int) -> int:
        return self.candidates.members[self.order[trial]].macs

    def _submit(self, job: Job) -> None:
        line = self.candidates.members[self.order[job.trial]].line
        if job not in self.journal.began:
            self.journal.add("began", self.spent, trial=job.trial, rung=job.rung, line=line)
        task = Task(
            run=str(self.run_of(job.trial, job.rung).resolve()),
            line=line,
            config=replace(self.training, net=line, validation=0.0 if job.rung == FINAL else self.training.validation),
            epochs=self._epochs(job),
            threads=self.settings.threads * (self.workers.shares if job.rung == FINAL else 1),
            mixes=self.mixes,
            stop=str((self.folder / STOP).resolve()),
        )
        self.running[self.workers.executor().submit(advance, task)] = job, time.monotonic()
        self.listen(Moment(self.journal, len(self.running), self.left))

    def _epochs(self, job: Job) -> int:
        """To train, in all: the best once more for as long as before."""
        latest = self.journal.latest(job.trial)
        return latest.epochs if job.rung == FINAL and latest is not None else self.ladder.epochs[job.rung]

    def run_of(self, trial: int, rung: int = 0) -> Path:
        """The run directory of a trial."""
        return self.folder / ("final" if rung == FINAL else "trials") / f"{trial:05d}"

    def _collect(self, done: set[Future[Result]]) -> None:
        lost = []
        for future in done:
            job, began = self.running.pop(future)
            error = future.exception()
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

    def plan_of(self, trial: int) -> Figures:
        """The figures of a trial's network as they are foretold, the peak of memory too."""
        if trial not in self.plans:
            line = self.candidates.members[self.order[trial]].line
            self.plans[trial] = planned_figures(line, self.dataset, self.config, self.mixes)
        return self.plans[trial]

    def values(self, ended: str, tested: FinalTest | None = None) -> Exploration:
        """All that was found, for the views."""
        tried = []
        for trial in sorted({job.trial for job in self.journal.results}):
            result, figures = self.journal.latest(trial), self.plan_of(trial)
            assert result is not None
            member = self.candidates.members[self.order[trial]]
            tried.append(
                Tried(
                    number=trial,
                    line=member.line,
                    bindings=member.bindings,
                    run=str(self.run_of(trial)),
                    epochs=result.epochs,
                    score=None if result.failure else result.score,
                    loss=result.loss,
                    correct=result.correct,
                    total=result.total,
                    params=figures.params,
                    macs=figures.macs,
                    memory=figures.peak_bytes or 0,
                    seconds=result.seconds / max(result.epochs, 1),
                    measured_params=result.params,
                    measured_memory=result.memory,
                    failure=result.failure,
                )
            )
        settings, candidates = self.settings, self.candidates
        return Exploration(
            family=settings.family,
            data=settings.training.data,
            budgets=settings.budgets,
            names=candidates.names,
            total=candidates.total,
            dropped=candidates.dropped,
            impossible=candidates.impossible,
            members=len(candidates.members),
            reason=candidates.reason,
            metric="R2" if self.dataset.is_regression else "accuracy",
            epochs=settings.epochs,
            batch=self.config.batch,
            trials=tuple(tried),
            seconds=self.spent,
            ended=ended,
            command=train_command(settings, self.config),
            tested=tested,
        )
