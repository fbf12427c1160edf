"""Probes and top patches: a layer's answers, how specific they are, and the rule of the verdict."""

import numpy as np
import pytest

from tatami.lab import Size
from tatami.lab.claim import Results, Trial
from tatami.lab.experiments.features import (
    NET,
    conclude,
    layers_of,
    measure,
    probe,
    purity,
    summaries,
    top_labels,
    trials,
)
from tatami.lab.training import Recipe, fit

SMALL = "INPUT -> CONV(3, 5, S=2) -> RELU -> CONV(4, 3) -> RELU -> GAP -> FC"


def test_a_layers_answers_are_those_of_the_whole_network():
    training = fit(Recipe(SMALL, 3, samples=64), "sample:digits", 0)
    x, _ = training.samples(training.split, 9)
    weights = training.model.state_dict()
    last, _ = summaries(training, layers_of(training.network)[-1], x)

    # Behind the last of them are GAP, the mean, and FC, a product.
    scores = last @ weights["fc1.weight"] + weights["fc1.bias"]
    assert scores == pytest.approx(training.model.forward(x), abs=1e-5)


def test_the_first_layers_answers_by_hand():
    training = fit(Recipe(SMALL, 2, samples=64), "sample:digits", 1)
    x, _ = training.samples(training.split, 4)
    means, peaks = summaries(training, "relu1", x)
    state = training.model.state_dict()
    padded = np.pad(x, ((0, 0), (1, 2), (1, 2), (0, 0)))  # same at S=2: 3 in all, the smaller half before
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))[:, ::2, ::2, 0]
    maps = np.maximum(np.einsum("nhwij,ijk->nhwk", windows, state["conv1.weight"][:, :, 0]) + state["conv1.bias"], 0)

    assert means == pytest.approx(maps.mean(axis=(1, 2)), abs=1e-5)
    assert peaks == pytest.approx(maps.max(axis=(1, 2)), abs=1e-5)


def test_a_probe_reads_what_is_linear_and_not_what_is_not_there():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 400)
    knows = np.eye(3)[y] + rng.normal(0, 0.1, (400, 3))
    noise = rng.normal(size=(400, 3))

    assert probe(knows[:300], y[:300], knows[300:], y[300:]) > 0.98
    assert probe(noise[:300], y[:300], noise[300:], y[300:]) < 0.55


def test_the_top_patches_of_a_unit():
    unit = np.array([0.1 * i for i in range(12)])
    labels = np.array([0, 1, 2, 3, 3, 3, 3, 3, 3, 5, 5, 5])

    assert top_labels(unit, labels) == [5, 5, 5, 3, 3, 3, 3, 3, 3]
    assert purity(top_labels(unit, labels)) == pytest.approx(6 / 9)
    assert top_labels(np.maximum(unit - 0.35, 0), labels) == []  # it answers eight images only
    assert top_labels(unit[:8], labels[:8]) == []


def test_a_tiny_trial():
    settings = {"net": SMALL, "steps": 2, "probed": 60, "images": 80}
    found = measure(Trial("trained", settings, 0), "sample:digits")

    assert len(found["probe"]) == len(found["purity"]) == len(found["units"]) == 2
    assert all(1 / 9 <= value <= 1 for value in found["purity"])
    assert 0.2 < found["chance"] < 0.4  # nine of ten classes, drawn at random


def test_the_control_is_the_same_network_before_its_first_step():
    trained, untrained = trials(Size())[:2]

    assert trained.settings["net"] == untrained.settings["net"] == NET
    assert trained.seed == untrained.seed
    assert untrained.settings["steps"] == 0


def _made_up(trained, untrained):
    rng = np.random.default_rng(0)
    made = []
    for trial in trials(Size()):
        values = trained if trial.group == "trained" else untrained
        noisy = list(np.array(values) + rng.normal(0, 1e-3, len(values)))
        units = [[["7"] * 9]] * len(values)
        figures = {"accuracy": 0.9, "probe": noisy, "purity": noisy, "silent": [0] * len(values), "units": units}
        made.append((trial, {**figures, "chance": 0.3}))
    return Results(made)


def test_the_verdict_where_layers_know_more_and_more():
    assert conclude(_made_up([0.4, 0.6, 0.8], [0.4, 0.42, 0.44])).verdict == "holds"


def test_the_verdict_where_they_know_less_and_less():
    assert conclude(_made_up([0.8, 0.6, 0.4], [0.4, 0.42, 0.44])).verdict == "does not hold here"


def test_the_verdict_where_one_layer_falls_back_and_training_has_no_part_in_it():
    found = conclude(_made_up([0.4, 0.7, 0.6], [0.2, 0.4, 0.6]))

    assert found.verdict == "holds partly"
    assert [statement.holds for statement in found.statements] == [True, False, False, True, False]
