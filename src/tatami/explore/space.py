"""What a search is about, once data and settings have been read: its members in their order, and their trainings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tatami.data import Dataset, load, refuse_unused
from tatami.data.augment import make_augment
from tatami.errors import OptionError
from tatami.explore.candidates import Candidate, Candidates, find_candidates, planned_figures
from tatami.explore.halving import FINAL, Job
from tatami.explore.sampling import spread_order
from tatami.explore.settings import Settings
from tatami.explore.trial import Task
from tatami.plan.figures import Figures
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.defaults import held_out_share, resolve

STOP = "stop"
TRIALS, FINALS = "trials", "final"


def resolved(training: TrainConfig, dataset: Dataset) -> ResolvedConfig:
    """The settings of the trainings without open questions, the same for all members.

    The test split stays unseen, and the validation samples judge.

    Raises:
        OptionError: there are none, or a setting makes no sense.
    """
    training = replace(training, test=False, patience=None)
    share = held_out_share(training, dataset)
    if not share and dataset.validation is None:
        raise OptionError("nothing to judge networks by", got="--validation 0", expected="a share above 0")
    samples = len(dataset.train) - round(share * len(dataset.train))
    return resolve(replace(training, validation=share), samples, is_regression=dataset.is_regression)


@dataclass(frozen=True)
class Space:
    """What is searched.

    Attributes:
        settings: as they were given.
        dataset: that all are trained on.
        config: of the trainings, without open questions.
        mixes: whether augmentation mixes labels.
        candidates: the members that may be tried.
    """

    settings: Settings
    dataset: Dataset
    config: ResolvedConfig
    mixes: bool
    candidates: Candidates

    @cached_property
    def order(self) -> list[int]:
        """The candidates in the order in which they become trials: trial n is the nth of them."""
        params = [member.params for member in self.candidates.members]
        return spread_order(params, self.settings.seed)[: self.settings.trials]

    def member(self, trial: int) -> Candidate:
        """The network of a trial."""
        return self.candidates.members[self.order[trial]]

    def figures(self, trial: int) -> Figures:
        """A trial's figures as they are foretold, the peak of memory too."""
        return planned_figures(self.member(trial).line, self.dataset, self.config, self.mixes)

    @cached_property
    def training(self) -> TrainConfig:
        """The settings of a trial, but for its network and its epochs."""
        given, config = self.settings.training, self.config
        data = str(Path(given.data).resolve()) if Path(given.data).exists() else given.data
        return replace(given, data=data, test=False, patience=None, batch=config.batch, validation=config.validation)

    def task(self, folder: Path, job: Job, epochs: int, shares: int) -> Task:
        """A job as a worker gets it; the last one takes the threads of ``shares`` trials."""
        is_final, line = job.rung == FINAL, self.member(job.trial).line
        return Task(
            run=str((final_of(folder, job.trial, epochs) if is_final else run_of(folder, job.trial)).resolve()),
            line=line,
            config=replace(self.training, net=line, validation=0.0 if is_final else self.training.validation),
            epochs=epochs,
            threads=self.settings.threads * (shares if is_final else 1),
            mixes=self.mixes,
            stop=str((folder / STOP).resolve()),
        )


def make_space(settings: Settings) -> Space:
    """Read the data, and plan all members.

    Raises:
        TatamiError: bad text, data or settings, or no member keeps the budget.
    """
    training = settings.training
    refuse_unused(training.data, training.reading)
    dataset = load(training.data, training.reading)
    config = resolved(training, dataset)
    mixes = make_augment(config.augment, dataset.kind, dataset.sample_shape, len(dataset.train)).mixup > 0
    candidates = find_candidates(settings.family, settings.choices, settings.budgets, dataset, config, mixes)
    return Space(settings, dataset, config, mixes, candidates)


def run_of(folder: Path, trial: int) -> Path:
    """The run directory of a trial in that of its exploration."""
    return folder / TRIALS / f"{trial:05d}"


def final_of(folder: Path, trial: int, epochs: int) -> Path:
    """The run directory of a trial that is trained once more; of other epochs another, so that each begins anew."""
    return folder / FINALS / f"{trial:05d}-{epochs}"
