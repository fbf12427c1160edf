"""Running an experiment: its trials, as many at a time as there are processors, then its conclusion."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from joblib import Parallel, delayed

from tatami.data import Dataset, load
from tatami.engines.threads import one_blas_thread
from tatami.errors import DataError
from tatami.lab.claim import Claim, Figures, Results, Size, Trial
from tatami.lab.store import Store
from tatami.plan.machine import THREADS, core_count, cpu_model
from tatami.train.versions import versions
from tatami.views.experiment import LabReport

Progress = Callable[[int, int, Trial | None], None]
"""Is told how many trials are done, of how many, and which was the last."""


def run_claim(
    claim: Claim,
    size: Size,
    *,
    data: str | None = None,
    tell: Progress = lambda done, total, trial: None,
    folder: Path | None = None,
    anew: bool = False,
) -> LabReport:
    """Measure what has not been measured, and conclude.

    What is measured is kept as soon as it is there: an interrupted experiment goes on where it stopped.

    Args:
        claim: the experiment.
        size: how much of it.
        data: another source than the experiment's own.
        tell: is told of the progress.
        folder: where results are kept, unless in the cache folder.
        anew: measure what is kept, too.

    Raises:
        TatamiError: data that cannot be used.
    """
    source = (data or claim.data) if claim.data else ""
    store = Store(claim, _classified(source) if source else None, folder)
    trials = claim.trials(size)
    known = {} if anew else {i: found for i, trial in enumerate(trials) if (found := store.read(trial)) is not None}
    missing = [i for i in range(len(trials)) if i not in known]
    began = time.perf_counter()
    tell(len(known), len(trials), None)
    for i, figures in _measured(claim, [(i, trials[i]) for i in missing], source):
        store.keep(trials[i], figures)
        known[i] = figures
        tell(len(known), len(trials), trials[i])
    results = Results([(trial, known[i]) for i, trial in enumerate(trials)])
    return LabReport(
        claim=claim.name,
        says=claim.says,
        sources=claim.sources,
        size="full" if size.is_full else "quick",
        data=source,
        command=_command(claim, size, source),
        conclusion=claim.conclude(results),
        trials=len(trials),
        measured=len(missing),
        seconds=time.perf_counter() - began,
        machine=f"{cpu_model()}, {core_count()} cores",
        versions=versions(),
    )


def _command(claim: Claim, size: Size, source: str) -> str:
    """The command line that makes a report again."""
    words = ["tatami", "lab", claim.name, "--full" if size.is_full else "--quick"]
    words += ["--seeds", f"{size.seeds}"] * bool(size.seeds)
    words += ["--data", source] * (source != claim.data)
    return shlex.join(words)


def _classified(source: str) -> Dataset:
    """The data: all experiments classify."""
    dataset = load(source)
    if dataset.is_regression:
        raise DataError(
            "the experiments are about classes",
            where=source,
            got="a regression",
            expected="labels that are classes",
        )
    return dataset


def _measured(claim: Claim, trials: Sequence[tuple[int, Trial]], data: str) -> Iterator[tuple[int, Figures]]:
    """The figures of each trial, as they come."""
    if claim.times or core_count() == 1 or len(trials) == 1:
        for i, trial in trials:
            yield i, claim.measure(trial, data)
        return
    jobs = (delayed(_measure_alone)(claim.measure, i, trial, data) for i, trial in trials)
    yield from Parallel(n_jobs=core_count(), return_as="generator_unordered")(jobs)


def _measure_alone(measure: Callable[[Trial, str], Figures], i: int, trial: Trial, data: str) -> tuple[int, Figures]:
    """A trial in a process of its own: several at once, each on one thread, are faster than one on all."""
    os.environ[THREADS] = "1"
    return i, one_blas_thread(measure)(trial, data)
