"""The claim relu: gradients by finite differences, the old first weights, the steps, and the rule."""

import math

import numpy as np
import pytest

from tatami.engines import compile
from tatami.lab import Size
from tatami.lab.claim import Results, Trial
from tatami.lab.experiments import relu
from tatami.lab.training import Recipe, begin
from tatami.network import find_network


def test_the_ratio_is_that_of_finite_differences():
    net = relu.DEEP.format(act="TANH", depth=3, ones="1,1")
    found = relu.measure(Trial("", {"net": net, "init": "old", "depth": 3}, 1), "sample:digits")["ratio"]

    training = begin(Recipe(net, 0), "sample:digits", 1)
    model = compile(training.network, "textbook", dtype="float64", batch=1)
    relu.draw_old(model, 1)
    x, y = training.samples(training.split, relu.SAMPLES)
    state, squares = model.state_dict(), {"conv1.bias": 0.0, "fc1.bias": 0.0}
    for name in squares:
        for i in range(state[name].size):
            losses = []
            for moved in (1e-4, -1e-4):
                nudged = state[name].copy()
                nudged[i] += moved
                model.load_state_dict({**state, name: nudged})
                scores = model.forward(x.astype(np.float64))
                shifted = scores - scores.max(axis=1, keepdims=True)
                losses.append(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y])
            squares[name] += float(np.square((losses[0] - losses[1]) / 2e-4).sum())

    assert found == pytest.approx(math.sqrt(squares["conv1.bias"] / squares["fc1.bias"]), rel=1e-3)


def test_old_weights_are_uniform_within_one_over_the_root_of_the_inputs():
    model = compile(find_network("INPUT(8x8x4) -> CONV(32, 3) -> RELU -> FC(10)").build(), "textbook")
    before = model.state_dict()
    relu.draw_old(model, 3)
    state = model.state_dict()

    for name, inputs in (("conv1.weight", 36), ("fc1.weight", 2048)):
        bound = inputs**-0.5
        assert np.abs(state[name]).max() <= bound * 1.0001
        assert np.abs(state[name]).max() > 0.98 * bound
        assert state[name].std() == pytest.approx(bound / math.sqrt(3), rel=0.06)
    assert all((state[name] == before[name]).all() for name in ("conv1.bias", "fc1.bias"))


def test_the_steps_are_those_after_which_a_quarter_is_wrong():
    settings = {"net": "INPUT -> CONV(4, 5, S=3) -> RELU -> FC", "init": "he", "lr": 0.03, "steps": 60}
    found = relu.measure(Trial("", settings, 0), "sample:digits")

    def error(steps):
        training = begin(
            Recipe(settings["net"], steps, optimizer="momentum", lr=0.03, schedule="constant"), "sample:digits", 0
        )
        relu.run(training)
        return 1 - training.accuracy(training.split, relu.SEEN)

    assert found["reached"]
    assert error(found["steps"]) <= 0.25 < error(found["steps"] - 1)


def test_what_never_gets_there_counts_with_all_its_steps():
    settings = {"net": "INPUT -> CONV(4, 5, S=3) -> RELU -> FC", "init": "old", "lr": 1e-9, "steps": 3}
    assert relu.measure(Trial("", settings, 0), "sample:digits") == {"steps": 3, "reached": False}


def _results(lost, slow):
    """Old weights lose the gradient where ``lost``; others than ReLU take five times its steps where ``slow``."""
    found = []
    for trial in relu.trials(Size()):
        kind = trial.group.rsplit(", ", 1)[0]
        if "depth" in trial.settings:
            fall = 0.3 if lost and kind.endswith("old") else 1.0
            found.append((trial, {"ratio": fall ** trial.settings["depth"] * (1 + 0.01 * trial.seed)}))
        else:
            slower = 5 if slow and kind != relu.RELU else 1
            off = abs(math.log10(trial.settings["lr"] / 0.1))
            steps = round(10 * slower * (1 + off)) * (1 + trial.seed % 2)
            found.append((trial, {"steps": steps, "reached": True}))
    return Results(found)


def test_the_rule():
    conclusion = relu.conclude(_results(lost=True, slow=True))
    assert conclusion.verdict == "holds"
    assert {row[1] for row in conclusion.tables[1].rows} == {"0.1"}
    assert conclusion.quoted[0].ours == "5 with the old weights, 5 with Xavier's"

    neither = relu.conclude(_results(lost=False, slow=False))
    assert [statement.holds for statement in neither.statements] == [False, False, True, False, None, None, None]


def test_the_rate_is_chosen_on_seed_0_and_its_steps_are_not_counted():
    results = _results(lost=True, slow=True)
    lucky = [
        (trial, {"steps": 1, "reached": True} if trial.group == f"{relu.RELU}, lr 0.3" and trial.seed == 0 else figures)
        for trial, figures in results.trials
    ]
    row = relu.conclude(Results(lucky)).tables[1].rows[0]
    assert row[1] == "0.3"
    assert row[2].startswith("22.5")  # seeds 1 to 4: 30, 15, 30, 15
