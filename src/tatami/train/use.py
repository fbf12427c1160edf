"""A trained network held against data, from a run's files alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tatami.data import DataOptions
from tatami.errors import DataError
from tatami.train.evaluation import examine, tested_of
from tatami.train.events import Tested
from tatami.train.labelled import SplitName, read_labelled
from tatami.train.predict import Prediction, predict_files
from tatami.train.report import read_report, report_of, with_evaluation
from tatami.train.run import EVENTS, Run, Trained, load_trained
from tatami.views.evaluation import Evaluation
from tatami.views.report import Report

__all__ = ["Examined", "Prediction", "evaluate_run", "examine_run", "predict_files"]


@dataclass(frozen=True)
class Examined:
    """A run held against data.

    Attributes:
        run: as given.
        data: the source.
        trained: the network.
        found: the figures.
        notes: what was not as it should be in the data.
    """

    run: Path
    data: str
    trained: Trained
    found: Evaluation
    notes: tuple[str, ...]

    def report(self) -> Report:
        """The values of a page: the run's own report, with these figures."""
        own = read_report(Run(self.run)) if (self.run / EVENTS).is_file() else report_of(self.trained, self.run.name)
        return with_evaluation(own, self.found, self.data, list(self.notes))


def examine_run(
    run: Path,
    data: str,
    engine: str = "cpu",
    options: DataOptions | None = None,
    part: SplitName | None = None,
    **place: Any,
) -> Examined:
    """Hold the best weights of ``run`` against ``data``.

    Args:
        run: its directory, or a weights file.
        data: the source; of its classes, the run must know all.
        engine: which computes.
        options: how the data are read, where that is not as the run read its own.
        part: which samples; unless given, those of the test, or all where there is none.
        place: of the torch engine: see :func:`tatami.train.run.load_trained`.

    Raises:
        RunError: no run.
        DataError: data that cannot be read, or with other classes or targets than those of the run.
        OptionError: a part that the data do not have.
    """
    trained = load_trained(run, engine, **place)
    labelled = read_labelled(run, trained.identity, data, options or DataOptions(), part)
    found = examine(trained.model, trained.identity, labelled.split, labelled.name)
    return Examined(run, data, trained, found, tuple(map(str, labelled.dataset.problems)))


def evaluate_run(run: Path, data: str, engine: str = "cpu") -> Tested:
    """Evaluate the best weights of a run that tells classes apart, as an event.

    Raises:
        DataError: other classes than those of the run, or a regression: see :func:`examine_run`.
    """
    found = examine_run(run, data, engine).found
    if found.classes is None:
        raise DataError("a regression has no classes", where=str(run), hint="examine_run gives its figures")
    return tested_of(found)
