"""Speed, memory and accuracy by batch: what is kept equal, what a trial measures, and the rule of the verdict."""

import numpy as np
import pytest

from tatami.lab import Size
from tatami.lab.claim import Results, Trial
from tatami.lab.experiments.batch import BATCHES, LR, SPEED, USUAL, WAYS, bend, conclude, measure, trials

NET = "INPUT -> CONV(4, 5, S=3) -> RELU -> GAP -> FC"


def test_the_rate_is_scaled_by_the_batch_where_it_is_scaled():
    rates = {
        (way, trial.settings["batch"]): trial.settings["lr"]
        for trial in trials(Size(seeds=2))
        for way in WAYS
        if trial.group.startswith(way)
    }

    for batch in BATCHES:
        assert rates["equal epochs, rate scaled", batch] == pytest.approx(LR * batch / USUAL)
        assert rates["equal epochs, rate unchanged", batch] == rates["equal steps, rate unchanged", batch] == LR
    assert len(rates) == len(BATCHES) * len(WAYS)


@pytest.mark.parametrize(("batch", "steps"), [(512, 10), (1000, 5), (2048, 3)])
def test_an_epoch_sees_each_sample_once(batch, steps):
    settings = {"net": NET, "batch": batch, "lr": LR, "epochs": 1}

    assert measure(Trial("any", settings, 0), "sample:digits")["steps"] == steps  # 5,000 samples


def test_equal_steps_are_equal():
    found = [
        measure(Trial("any", {"net": NET, "batch": batch, "lr": LR, "steps": 3}, 0), "sample:digits")["steps"]
        for batch in (8, 64)
    ]

    assert found == [3, 3]


def test_a_trial_of_speed():
    found = measure(Trial("any", {"net": NET, "batch": 16}, 0), "sample:digits")

    assert found["speed"] > 0
    assert found["planned"]["cpu"] == found["measured"]
    assert all(planned > 16 * 28 * 28 * 4 for planned in found["planned"].values())  # its samples alone


def test_how_far_values_bend_off_a_line():
    assert bend({8: 10.0, 32: 34.0, 128: 130.0}) == 0
    assert bend({8: 8.0, 32: 48.0, 128: 128.0}) == pytest.approx(16 / 32)


def _made_up(accuracy, speed, memory):
    rng = np.random.default_rng(0)
    made = []
    for trial in trials(Size()):
        way, batch = trial.group.rsplit(", ", 1)
        if way == SPEED:
            planned = int(memory(int(batch)))
            figures = {
                "speed": speed(int(batch)) * rng.uniform(0.99, 1.01),
                "planned": {"cpu": planned, "torch": planned},
                "measured": planned,
            }
        else:
            value = accuracy(way, int(batch)) + rng.normal(0, 1e-4)
            figures = {"accuracy": value, "steps": 10, "diverged": False}
        made.append((trial, figures))
    return Results(made)


def test_the_verdict_where_larger_is_better():
    found = _made_up(
        lambda way, b: 0.95 + (0.01 if "scaled" in way else 0), lambda b: 100.0 * b, lambda b: 1000 + 50 * b
    )

    assert conclude(found).verdict == "holds"


def test_the_verdict_where_larger_is_worse():
    def accuracy(way, batch):
        return 0.95 - batch / 1000 * (1.1 if "scaled" in way else 1)

    found = _made_up(accuracy, lambda b: 100.0 / b, lambda b: b * b)

    assert conclude(found).verdict == "does not hold here"


def test_the_verdict_where_speed_levels_off_and_epochs_are_too_short():
    def accuracy(way, batch):
        return 0.95 if "steps" in way or "scaled" in way else 0.95 - batch / 5000

    found = conclude(_made_up(accuracy, lambda b: 1e4 if b >= 32 else 5e3, lambda b: 1000 + 50 * b))

    assert found.verdict == "holds partly"
    assert [s.holds for s in found.statements] == [True, None, True, True, False, True, True, True]
    assert found.cautions[0].startswith("Batches of 32 reach 95%")
