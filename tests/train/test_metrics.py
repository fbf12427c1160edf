"""Figures on predictions, by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from tatami.data import Preprocess, Split
from tatami.train import metrics
from tatami.train.metrics import evaluate

PLAIN = Preprocess("signal", (1, 1), 1.0, (0.0,), (1.0,))


@dataclass
class Oracle:
    """A model that predicts what each sample says; the mean loss of each batch comes from a script."""

    batch: int
    losses: Iterator[float]

    def score(self, x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        assert len(x) == len(y) <= self.batch
        return next(self.losses), np.eye(3)[x.ravel().astype(int)]


def split_of(predicted: list[int], y: list[int] | None) -> Split:
    x = np.array(predicted, np.float32).reshape(-1, 1, 1)
    return Split(x, None if y is None else np.array(y, np.int64))


def test_rows_are_true_and_columns_predicted() -> None:
    """Two classes occur, three are predicted."""
    split = split_of(predicted=[0, 2, 2, 1, 2, 1, 1], y=[0, 0, 0, 1, 1, 1, 1])
    found = evaluate(Oracle(7, iter([0.5])), split, PLAIN, 3)  # type: ignore[arg-type]
    assert found.confusion.tolist() == [
        [1, 0, 2],
        [0, 3, 1],
        [0, 0, 0],
    ]
    assert (found.correct, found.total, found.accuracy) == (4, 7, 4 / 7)
    assert found.predicted.tolist() == [0, 2, 2, 1, 2, 1, 1]


def test_the_loss_weighs_each_batch_by_its_size() -> None:
    split = split_of(predicted=[0, 1, 2, 0, 1], y=[0, 1, 2, 1, 1])
    found = evaluate(Oracle(2, iter([1.0, 2.0, 9.0])), split, PLAIN, 3)  # type: ignore[arg-type]
    assert found.loss == (2 * 1.0 + 2 * 2.0 + 1 * 9.0) / 5
    assert found.correct == 4
    assert found.confusion.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 1]]


def test_the_event_says_the_same() -> None:
    split = split_of(predicted=[0, 2, 1], y=[0, 0, 1])
    event = metrics.tested_event(evaluate(Oracle(4, iter([0.25])), split, PLAIN, 3), "test")  # type: ignore[arg-type]
    assert (event.split, event.loss, event.accuracy, event.correct, event.total) == ("test", 0.25, 2 / 3, 2, 3)
    assert event.confusion == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]


def test_samples_without_labels() -> None:
    with pytest.raises(ValueError, match="a split without labels"):
        evaluate(Oracle(4, iter([])), split_of([0, 1], None), PLAIN, 3)  # type: ignore[arg-type]
