"""A run opened for looking: its network with weights, and the samples that it was not trained on.

Letters: N samples, K classes, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tatami.data import DataOptions
from tatami.data.health_samples import picture_address
from tatami.errors import RunError, TatamiError
from tatami.inspect.subject import Subject
from tatami.train.evaluation import probabilities, read_evaluation
from tatami.train.labelled import Labelled, SplitName, read_labelled
from tatami.train.run import BEST, Identity, Run, load_trained, read_trained
from tatami.train.worst import curves_of
from tatami.views.evaluation import Evaluation
from tatami.web.look_jobs import Progress
from tatami.web.session import Session

BATCH = 64

DIGITS = "sample:digits"


@dataclass(frozen=True, eq=False)
class Opened:
    """A run whose weights are at hand.

    Attributes:
        name: by which the page knows it.
        path: its directory.
        stamp: of its weights: another once it has been trained on.
        subject: network, weights, preprocessing and classes.
        identity: what its weights carry.
        data: the DATA that it was trained on.
        evaluation: what it keeps of its test, or None.
    """

    name: str
    path: Path
    stamp: int
    subject: Subject
    identity: Identity
    data: str
    evaluation: Evaluation | None

    @property
    def key(self) -> tuple[str, int]:
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
        stamp = (path / BEST).stat().st_mtime_ns
    except OSError as error:
        raise RunError("this run has no weights yet", where=name, hint="wait for the end of its first epoch") from error

    def made() -> Opened:
        _, identity, _ = read_trained(path)
        config = Run(path).config()
        return Opened(name, path, stamp, Subject.of(path), identity, config.data, read_evaluation(path))

    return session.kept(("look", name), stamp, made)


@dataclass(frozen=True, eq=False)
class Predicted:
    """The samples of a run's test with what it says of them.

    Attributes:
        labelled: the samples; labels are indices of the run's classes, or targets.
        shares: (N, K), probabilities of the classes, or predicted values of targets.
    """

    labelled: Labelled
    shares: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.labelled.split)

    @property
    def classes(self) -> NDArray[np.int64]:
        """The predicted class of each sample, (N,)."""
        best: NDArray[np.int64] = self.shares.argmax(axis=1)
        return best

    def cell(self, true: int, predicted: int) -> NDArray[np.int64]:
        """The rows of samples of one class that were taken for another, or for their own; the surest first."""
        assert self.labelled.split.y is not None
        rows = np.flatnonzero((self.labelled.split.y == true) & (self.classes == predicted))
        found: NDArray[np.int64] = rows[np.argsort(-self.shares[rows, predicted], kind="stable")]
        return found


def read_samples(opened: Opened) -> Labelled:
    """The samples of the run's test, as it was tested; of a run without one, those that it held out.

    Raises:
        TatamiError: the data are not where they were.
    """
    part = opened.evaluation.split if opened.evaluation is not None else None
    known = cast(SplitName, part) if part in get_args(SplitName) else None
    return read_labelled(opened.path, opened.identity, opened.data, DataOptions(), known)


def predict(opened: Opened, labelled: Labelled, progress: Progress) -> Predicted:
    """Predict all samples, on the fast engine.

    Raises:
        TatamiError: the run cannot be loaded.
    """
    trained, x, found = load_trained(opened.path, batch=BATCH), labelled.split.x, []
    for start in range(0, len(x), BATCH):
        outputs = trained.model.forward(opened.identity.preprocess(np.asarray(x[start : start + BATCH])))
        standard = opened.identity.standard
        found.append(probabilities(trained.network, outputs) if standard is None else standard.back(outputs))
        progress(min(start + BATCH, len(x)), len(x))
    return Predicted(labelled, np.concatenate(found))


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Rows of ``count`` samples: all of them, or ``most``, equally far apart."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(np.int64))


def shown(opened: Opened, predicted: Predicted, row: int, part: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
    """One sample as the page shows it: its row and name, its label, what was predicted, and a picture or curves.

    Args:
        opened: the run.
        predicted: its test.
        row: which sample.
        part: of the sample alone, as (start, stop) along its first axes.
    """
    split, classes = predicted.labelled.split, opened.identity.classes
    x = np.asarray(split.x[row])[tuple(slice(*span) for span in part)]
    is_image = opened.subject.preprocess.kind == "image"
    told: dict[str, Any] = {
        "row": row,
        "name": split.name_of(row),
        "picture": picture_address(x) if is_image else "",
        "curves": () if is_image else curves_of(x),
    }
    if classes:
        best = int(predicted.shares[row].argmax())
        told |= {
            "true": classes[int(split.y[row])] if split.y is not None else "",
            "predicted": classes[best],
            "probability": float(predicted.shares[row, best]),
        }
    return told


def listed(session: Session) -> list[dict[str, Any]]:
    """The runs that can be looked into: their names, and what they were trained on and to."""
    runs = []
    for name in session.run_ids():
        path = session.run(name)
        if not (path / BEST).is_file():
            continue
        try:
            found, config = read_evaluation(path), Run(path).config()
        except TatamiError:
            continue  # damaged: the command line says how
        accuracy = found.classes.accuracy if found is not None and found.classes is not None else None
        runs.append({"id": name, "data": config.data, "network": config.net, "accuracy": accuracy})
    return runs
