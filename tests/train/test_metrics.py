"""What a model makes of labelled samples, by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from tatami.data import Preprocess, Split
from tatami.train.metrics import score

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


def test_the_loss_weighs_each_batch_by_its_size() -> None:
    split = split_of(predicted=[0, 1, 2, 0, 1], y=[0, 1, 2, 1, 1])
    found = score(Oracle(2, iter([1.0, 2.0, 9.0])), split, PLAIN)  # type: ignore[arg-type]
    assert found.loss == (2 * 1.0 + 2 * 2.0 + 1 * 9.0) / 5
    assert found.scores.argmax(axis=1).tolist() == [0, 1, 2, 0, 1]
    assert found.samples_per_second > 0


def test_samples_without_labels() -> None:
    with pytest.raises(ValueError, match="a split without labels"):
        score(Oracle(4, iter([])), split_of([0, 1], None), PLAIN)  # type: ignore[arg-type]
