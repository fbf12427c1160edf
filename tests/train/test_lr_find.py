import math
from types import SimpleNamespace

import numpy as np
import pytest

from tatami.data import Preprocess, Split
from tatami.errors import NumericError
from tatami.recipe import Constant
from tatami.train.average import Average
from tatami.train.loop import Trainer
from tatami.train.lr_find import HIGHEST, LOWEST, find_lr


def trainer(loss_of_rate) -> Trainer:
    """A trainer whose loss is a function of the learning rate."""
    split = Split(np.zeros((4, 2, 1), np.float32), np.array([0, 1, 0, 1]))
    model = SimpleNamespace(batch=2, step=lambda x, y, lr: loss_of_rate(lr))
    plain = Preprocess("signal", (2, 1), 1.0, (0.0,), (1.0,))
    return Trainer(model, split, None, plain, Constant(), 1.0, 1, 0, 2)  # type: ignore[arg-type]


def test_the_suggestion_lies_below_the_smallest_loss() -> None:
    def loss(rate: float) -> float:
        return 1 + (math.log10(rate) + 2) ** 2  # smallest at 0.01

    found = find_lr(trainer(loss))
    assert found.rates[0] == pytest.approx(LOWEST)
    ratios = np.diff(np.log(found.rates))
    assert ratios == pytest.approx(np.full(len(ratios), math.log(HIGHEST / LOWEST) / 99))
    lowest = found.rates[int(np.argmin(found.losses))]
    assert 0.01 <= lowest < 0.1  # the smoothed loss lags behind
    assert found.suggestion == pytest.approx(lowest / 10, rel=0.05)


def test_a_loss_that_never_grows_suggests_no_more_than_ten_times_the_usual_rate() -> None:
    falling = trainer(lambda rate: 1 / (1 + rate))
    falling.lr = 0.002
    assert find_lr(falling).suggestion == pytest.approx(0.02)


def test_it_ends_where_the_loss_explodes() -> None:
    found = find_lr(trainer(lambda rate: 1.0 if rate < 0.1 else 1e6))
    assert max(found.rates) < 0.2

    def diverges(rate: float) -> float:
        if rate > 0.1:
            raise NumericError("no number")
        return 1.0

    assert 0.05 < max(find_lr(trainer(diverges)).rates) <= 0.1


def test_the_average_forgets_the_first_weights_soon() -> None:
    average = Average(0.9, {"w": np.zeros(1)})
    weights = [np.array([1.0]), np.array([2.0]), np.array([4.0])]
    expected = 0.0
    for step, w in enumerate(weights, 1):
        average.update({"w": w}, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * w[0]
    assert average.weights["w"][0] == pytest.approx(expected)
    assert average.state().keys() == {"ema.w"}
