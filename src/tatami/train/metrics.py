"""Figures on predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data import Preprocess, Split
from tatami.engines import Model
from tatami.train.events import Tested

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions held against labels. ``confusion[i, j]`` counts samples of class i that were taken for class j."""

    loss: float
    correct: int
    total: int
    confusion: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of samples whose highest score is that of their class."""
        return self.correct / self.total


def evaluate(model: Model, split: Split, preprocess: Preprocess, classes: int) -> Evaluation:
    """Score ``split`` in inference mode, batch by batch."""
    if split.y is None:
        raise ValueError("a split without labels cannot be evaluated")
    total = len(split.x)
    predicted = np.empty(total, np.int64)
    loss = 0.0
    for start in range(0, total, model.batch):
        part = slice(start, min(start + model.batch, total))
        mean, scores = model.score(preprocess(split.x[part]), split.y[part])
        loss += mean * len(scores)
        predicted[part] = scores.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (split.y, predicted), 1)
    return Evaluation(loss / total, int((predicted == split.y).sum()), total, confusion, predicted)


def tested_event(evaluation: Evaluation, split: str) -> Tested:
    """The evaluation as an event of a run."""
    return Tested(
        split=split,
        loss=evaluation.loss,
        accuracy=evaluation.accuracy,
        correct=evaluation.correct,
        total=evaluation.total,
        confusion=evaluation.confusion.tolist(),
    )
