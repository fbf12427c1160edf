"""What the tests of several ranks, and of runs that go on elsewhere, share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.formats import load_weights
from tatami.train import TrainConfig
from tatami.train.events import EpochEnded, Event
from tatami.train.run import Run

NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.1) -> FC"
PLAIN = "INPUT -> CONV(4) -> RELU -> POOL -> FC"
InRanks = Callable[..., list[Any]]


def settings(data: Path, **given: Any) -> TrainConfig:
    usual = {"epochs": 4, "batch": 8, "lr": 0.01, "validation": 0.2, "augment": "strong", "ema": 0.9, "smoothing": 0.1}
    return TrainConfig(str(data), engine="textbook", **{**usual, **given})


def never(event: Event) -> None:
    pass


def weights(run: Path, name: str = "last") -> dict[str, np.ndarray]:
    return load_weights(run / f"{name}.safetensors")[0]


def assert_same_end(run: Path, whole: Path) -> None:
    """To rounding: the ranks' parts of a sum are summed in another order."""
    for name in ("last", "best"):
        one, other = weights(run, name), weights(whole, name)
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_allclose(one[key], other[key], rtol=1e-5, atol=1e-6, err_msg=key)
    told = [[e for e in Run(path).events() if isinstance(e, EpochEnded)] for path in (run, whole)]
    for a, b in zip(*told, strict=True):
        assert (a.epoch, a.step, a.is_best, a.lr) == (b.epoch, b.step, b.is_best, b.lr)
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-5)
        assert a.validation_loss == pytest.approx(b.validation_loss, rel=1e-5)
        assert a.validation_accuracy == pytest.approx(b.validation_accuracy)
