"""The claim residual: the networks, their gradients against the textbook's, and the rule."""

import math

import numpy as np
import pytest

from tatami.engines import compile
from tatami.lab import Size
from tatami.lab.claim import Results, Trial
from tatami.lab.experiments import residual
from tatami.lab.training import Recipe, begin
from tatami.network import find_network
from tatami.recipe import SGD


@pytest.mark.parametrize("depth", residual.DEPTHS)
def test_the_networks_are_the_papers_with_half_the_filters(depth):
    blocks = (depth - 2) // 6
    by_hand = sum(9 * w * w * (2 * blocks) - 9 * w * (w - v) for v, w in ((8, 8), (8, 16), (16, 32))) + 9 * 8 + 320
    for kind in residual.KINDS:
        network = find_network(residual.notation(kind, depth, 4)).build((28, 28, 1), 10)
        weights = [p for p in network.parameters().values() if p.role == "weight"]
        shortcuts = [p.size for p in weights if p.shape[:2] == (1, 1)]

        assert shortcuts == ([8 * 16, 16 * 32] if kind == "residual" else [])
        assert len(weights) - len(shortcuts) == depth
        assert sum(p.size for p in weights) - sum(shortcuts) == by_hand


@pytest.mark.parametrize("kind", residual.KINDS)
def test_gradients_are_the_textbooks(kind):
    training = begin(Recipe(residual.notation(kind, 8, 4), 1), "sample:digits", 2)
    found = residual.gradient_norms(training)

    oracle = compile(training.network, "textbook", dtype="float64", seed=2)
    x, y = training.samples(training.split, residual.SAMPLES)
    gradients = oracle.gradients(x.astype(np.float64), y)[1]
    layers = [name for name, p in training.network.parameters().items() if p.role == "weight" and p.shape[0] == 3]
    assert found == pytest.approx([np.linalg.norm(gradients[name]) for name in layers], rel=1e-3)
    assert len(found) == 7


def test_signals_have_gradients_of_as_many_layers():
    training = begin(Recipe(residual.notation("residual", 8, 4), 1), "sample:gunpoint", 2)
    assert len(residual.gradient_norms(training)) == 7


def test_a_trial_measures_errors_of_what_it_trained():
    settings = {"net": residual.notation("residual", 8, 4), "depth": 8, "steps": 40}
    found = residual.measure(Trial("", settings, 1), "sample:digits")

    recipe = Recipe(settings["net"], 40, optimizer="momentum", lr=0.1, weight_decay=1e-4)
    training = residual.run(begin(recipe, "sample:digits", 1))
    x, y = training.samples(training.dataset.test)
    twin = compile(training.network, "textbook", optimizer=SGD())
    twin.load_state_dict(training.model.state_dict())
    assert found["test_error"] == pytest.approx(np.mean(twin.forward(x).argmax(axis=1) != y), abs=0.002)
    assert found["train_error"] < 0.6  # of 0.9 by chance
    assert found["gradients"] != found["gradients_trained"]


def _results(plain, residual_errors, first):
    """Made-up errors by depth; ``first``: the first layer's gradient over the last one's."""
    errors = {"plain": plain, "residual": residual_errors}
    found = []
    for trial in residual.trials(Size()):
        error = errors[trial.group.split(",")[0]][residual.DEPTHS.index(trial.settings["depth"])] + 1e-3 * trial.seed
        norms = list(np.geomspace(first * (1 + 0.1 * trial.seed), 1, trial.settings["depth"] - 1))
        figures = {"train_error": error, "test_error": error + 0.02, "gradients": norms, "diverged": False}
        found.append((trial, {**figures, "gradients_trained": norms}))
    return Results(found)


def test_a_training_that_diverged_has_no_gradients_behind_it():
    made_up = _results((0.01, 0.05, 0.5), (0.01, 0.01, 0.005), first=3.0)
    plain, most = "plain, 56 layers", residual.DEPTHS[-1]

    def diverged(some):
        lost = {"gradients_trained": None, "diverged": True}
        trials = [
            (t, figures | lost if t.group == plain and t.seed in some else figures) for t, figures in made_up.trials
        ]
        return residual.conclude(Results(trials)).charts[2].lines

    one, all_of_them = diverged({0}), diverged(range(5))
    assert [len(line.points) for line in one] == [most - 1, most - 1]
    assert [line.points[0][1].count for line in one] == [4, 5]
    assert [len(line.points) for line in all_of_them] == [0, most - 1]


def test_the_rule():
    conclusion = residual.conclude(_results((0.01, 0.05, 0.5), (0.01, 0.01, 0.005), first=3.0))
    assert conclusion.verdict == "holds"
    assert conclusion.quoted[0].ours == "0.502 and 0.052"
    assert conclusion.quoted[2].ours == "2.70"  # 0.005 + 0.02 and 0.002, the mean of the seeds' share
    assert f"{math.prod((3, 3.3, 3.6, 3.9, 4.2)) ** 0.2:.3g} times" in conclusion.cautions[1]

    other = residual.conclude(_results((0.05, 0.02, 0.01), (0.01, 0.02, 0.03), first=1e-3))
    assert [statement.holds for statement in other.statements] == [False] * 5
    assert other.verdict == "does not hold here"
