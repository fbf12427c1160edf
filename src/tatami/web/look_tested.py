"""The samples of a run's test, which it was not trained on, and what it says of each.

Letters: N samples, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data import Split
from tatami.data.health_samples import picture_address
from tatami.train.evaluation import probabilities
from tatami.train.run import load_trained
from tatami.train.worst import curves_of
from tatami.web.look_jobs import Progress
from tatami.web.opened_run import Opened

BATCH = 64


def predict(opened: Opened, split: Split, progress: Progress) -> NDArray[np.floating]:
    """The probabilities of all classes for all samples, on the fast engine, or predicted targets: (N, K).

    Raises:
        TatamiError: the run cannot be loaded.
    """
    trained, found = load_trained(opened.path, batch=BATCH), []
    for start in range(0, len(split), BATCH):
        outputs = trained.model.forward(opened.identity.preprocess(np.asarray(split.x[start : start + BATCH])))
        standard = opened.identity.standard
        found.append(probabilities(trained.network, outputs) if standard is None else standard.back(outputs))
        progress(min(start + BATCH, len(split)), len(split))
    return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Tested:
    """A run, the samples of its test, and what it says of them.

    Attributes:
        opened: the run.
        split: see :func:`tatami.web.opened_run.read_samples`.
        outputs: see :func:`predict`.
    """

    opened: Opened
    split: Split
    outputs: NDArray[np.floating]

    @property
    def labels(self) -> NDArray[np.int64] | None:
        """The class of each sample, (N,); None of a regression, or where nobody knows."""
        return self.split.y if self.opened.subject.classes else None

    @cached_property
    def predicted(self) -> NDArray[np.int64] | None:
        """The predicted class of each sample, (N,); None of a regression."""
        return self.outputs.argmax(axis=1) if self.opened.subject.classes else None

    def cell(self, true: int, predicted: int) -> NDArray[np.int64]:
        """The rows of samples of one class that were taken for another, or for their own; the surest first."""
        rows = np.flatnonzero((self.labels == true) & (self.predicted == predicted))
        found: NDArray[np.int64] = rows[np.argsort(-self.outputs[rows, predicted], kind="stable")]
        return found

    def shown(self, row: int, part: Sequence[tuple[int, int]] = ()) -> dict[str, Any]:
        """One sample as the page shows it: its row and name, a picture or curves, its class and the predicted one.

        Args:
            row: which sample.
            part: of the sample alone, as (start, stop) along its first axes.
        """
        x = np.asarray(self.split.x[row])[tuple(slice(*span) for span in part)]
        is_image = self.opened.subject.kind == "image"
        told: dict[str, Any] = {
            "row": row,
            "name": self.split.name_of(row),
            "picture": picture_address(x) if is_image else "",
            "curves": () if is_image else curves_of(x),
        }
        classes, labels, predicted = self.opened.subject.classes, self.labels, self.predicted
        if predicted is not None:
            best = int(predicted[row])
            told |= {"predicted": classes[best], "probability": float(self.outputs[row, best])}
        if labels is not None:
            told |= {"true": classes[int(labels[row])]}
        return told

    def spread(self, most: int) -> NDArray[np.int64]:
        """All rows, or ``most`` of them, equally far apart."""
        count = len(self.split)
        return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(np.int64))
