"""The claim dropout: thinned networks by hand, max-norm, and the rule."""

import numpy as np
import pytest

from tatami.lab import Size
from tatami.lab.claim import Results, Trial
from tatami.lab.experiments import dropout
from tatami.lab.training import Recipe, begin, run


@pytest.fixture(scope="module")
def training():
    return run(begin(Recipe(dropout.NET.format(rate=0.5), 30, samples=500), "sample:digits", 3))


def test_thinned_networks_are_those_of_numpy(training):
    state = training.model.state_dict()
    x, y = training.samples(training.dataset.test)
    # The hidden units' values, through the weights of fc2: one unit at a time, ten units a pass.
    hidden = np.zeros((len(x), 256))
    for start in range(0, 256, 10):
        units = np.arange(start, min(start + 10, 256))
        reader = np.zeros((256, 10), np.float32)
        reader[units, np.arange(len(units))] = 1
        training.model.load_state_dict({**state, "fc2.weight": reader, "fc2.bias": np.zeros(10, np.float32)})
        hidden[:, units] = training.model.forward(x)[:, : len(units)]
    training.model.load_state_dict(state)

    rng, total, single = np.random.default_rng([3, 50]), 0, []
    for _ in range(dropout.THINNED):
        scores = hidden * (rng.random(256) >= 0.5) * 2 @ state["fc2.weight"].astype(float) + state["fc2.bias"]
        total = total + np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        single.append((scores.argmax(axis=1) == y).mean())
    found = dropout.thinned(training, 0.5)

    assert found["averaged"] == pytest.approx((total.argmax(axis=1) == y).mean(), abs=0.002)
    assert found["one"] == pytest.approx(np.mean(single), abs=0.001)
    scaled = np.exp(training.model.forward(x).astype(float))
    difference = np.abs(total / dropout.THINNED - scaled / scaled.sum(axis=1, keepdims=True))
    assert found["difference"] == pytest.approx(difference.mean(), rel=1e-3)
    assert all((training.model.state_dict()[name] == value).all() for name, value in state.items())


def test_without_a_rate_every_thinned_network_is_the_whole_one(training):
    accuracy, found = pytest.approx(training.accuracy()), dropout.thinned(training, 0.0)
    assert found == {"averaged": accuracy, "one": accuracy, "difference": pytest.approx(0, abs=1e-9)}


def test_max_norm_shortens_what_is_longer():
    weights = np.array([[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]])
    assert dropout.constrain(weights, 2.0) == pytest.approx(np.array([[1.2, 0.3, 0.0], [1.6, 0.4, 0.0]]))


def test_no_step_leaves_weights_longer_than_max_norm():
    settings = {"rate": 0.5, "amount": 250, "steps": 10}
    free = dropout.measure(Trial("", settings, 1), "sample:digits")
    held = dropout.measure(Trial("", {**settings, "norm": 1.0}, 1), "sample:digits")

    assert held["norm"] == pytest.approx(1.0, rel=1e-5)
    assert free["norm"] > 1.2
    assert free["gap"] == pytest.approx(free["train"] - free["test"])


def _results(gain, average):
    """``gain`` in test accuracy with each rate; ``average``: of the mean of thinned networks over one."""
    found = []
    for trial in dropout.trials(Size()):
        test = 0.9 + gain * trial.settings["rate"] + 1e-3 * trial.seed + (gain / 10 if "norm" in trial.settings else 0)
        figures = {"train": 0.99, "test": test, "gap": 0.99 - test, "norm": 2.5}
        found.append((trial, {**figures, "one": test - 0.02, "averaged": test - 0.02 + average, "difference": 0.01}))
    return Results(found)


def test_the_rule():
    conclusion = dropout.conclude(_results(gain=0.1, average=0.021))
    assert conclusion.verdict == "holds"
    assert conclusion.quoted[0].ours == "9.80 and 4.80"
    assert conclusion.quoted[1].ours == "+5.00 points at 250, +5.00 points at 1000, +5.00 points at 5000"
    assert conclusion.quoted[2].ours == "50: +0.10 points of accuracy against it"

    other = dropout.conclude(_results(gain=-0.1, average=-0.01))
    assert [statement.holds for statement in other.statements] == [False] * 7 + [True, False]
    assert other.verdict == "holds partly"
    far = dropout.conclude(_results(gain=-0.1, average=0.05))
    assert [statement.holds for statement in far.statements[6:]] == [True, False, False]
