"""A run opened by a view: its network with weights, what it keeps of its test, and the samples of that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast, get_args

from tatami.data import DataOptions
from tatami.errors import RunError, TatamiError
from tatami.inspect.subject import Subject
from tatami.train.evaluation import read_evaluation
from tatami.train.labelled import Labelled, SplitName, read_labelled
from tatami.train.run import BEST, EVALUATION, Identity, Run, read_trained
from tatami.views.evaluation import Evaluation
from tatami.web.data_name import data_name
from tatami.web.session import Session

DIGITS = "sample:digits"


@dataclass(frozen=True, eq=False)
class Opened:
    """A run whose weights are at hand.

    Attributes:
        name: by which the page knows it.
        path: its directory.
        stamp: of its weights and its test: another once it has been trained on.
        subject: network, weights, preprocessing and classes.
        identity: what its weights carry.
        data: the DATA that it was trained on.
        evaluation: what it keeps of its test, or None.
    """

    name: str
    path: Path
    stamp: tuple[int, int]
    subject: Subject
    identity: Identity
    data: str
    evaluation: Evaluation | None

    @property
    def key(self) -> tuple[str, tuple[int, int]]:
        """Of what is kept about it."""
        return self.name, self.stamp

    @property
    def is_grey(self) -> bool:
        """Whether samples are uint8 pictures of one channel: a drawing may then be centred as MNIST's digits."""
        preprocess = self.subject.preprocess
        return preprocess.kind == "image" and preprocess.shape[2] == 1 and preprocess.scale != 1.0

    @property
    def is_centred(self) -> bool:
        """Whether drawings are centred unless the user says otherwise: for the built-in digits."""
        return self.is_grey and self.data == DIGITS


def open_run(session: Session, name: str) -> Opened:
    """Open a listed run, or take it as it was opened before.

    Raises:
        RunError: no such run, or it has no weights yet.
    """
    path = session.run(name)
    try:
        stamp = ((path / BEST).stat().st_mtime_ns, _tested(path))
    except OSError as error:
        raise RunError("this run has no weights yet", where=name, hint="wait for the end of its first epoch") from error

    def made() -> Opened:
        network, identity, weights = read_trained(path)
        config = Run(path).config()
        subject = Subject.from_trained(network, identity, weights)
        return Opened(name, path, stamp, subject, identity, config.data, read_evaluation(path))

    return session.kept(("run", name), stamp, made)


def read_samples(opened: Opened) -> Labelled:
    """The samples of the run's test, as it was tested; of a run without one, those that it held out.

    Labels are indices of the run's classes, or its targets.

    Raises:
        TatamiError: the data are not where they were.
    """
    part = opened.evaluation.split if opened.evaluation is not None else None
    known = cast(SplitName, part) if part in get_args(SplitName) else None
    return read_labelled(opened.path, opened.identity, opened.data, DataOptions(), known)


def listed(session: Session) -> list[dict[str, Any]]:
    """The runs that can be looked into: their names, and what they were trained on and to."""
    runs = []
    for name, path in session.runs().items():
        if not (path / BEST).is_file():
            continue
        try:
            config = Run(path).config()
            accuracy = _accuracy(path, _tested(path))
            runs.append({"id": name, "data": data_name(config.data), "network": config.net, "accuracy": accuracy})
        except TatamiError:
            continue  # damaged: the command line says how
    return runs


def _tested(path: Path) -> int:
    """When a run was tested, as its file system tells time; 0 where it was not."""
    return (path / EVALUATION).stat().st_mtime_ns if (path / EVALUATION).exists() else 0


@lru_cache(maxsize=1024)
def _accuracy(path: Path, tested: int) -> float | None:
    """Of a run's test, read anew when the file has another time; None where it has none."""
    found = read_evaluation(path)
    return None if found is None or found.classes is None else found.classes.accuracy
