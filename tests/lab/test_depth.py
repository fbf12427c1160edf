"""What the memo's two nets cost, by hand; the classifiers' sizes; the verdict."""

import pytest

from tatami.lab.claim import Results, Size, Trial
from tatami.lab.experiments import depth
from tatami.lab.experiments.depth import BODIES, CLAIM, MEMO, THREE

DIGITS = "sample:digits"


def test_the_memos_nets_by_hand():
    seven, three = (CLAIM.measure(Trial(group, {"net": net}), DIGITS) for group, net in MEMO.items())

    assert (seven["params"], three["params"]) == ((49 * 3 + 1) * 3, 3 * (9 * 3 + 1) * 3) == (444, 252)
    assert seven["output"] == three["output"] == "26x26x3"
    assert (seven["nonlinearities"], three["nonlinearities"]) == (1, 3)
    assert (seven["field"], three["field"]) == (7, 7)
    assert seven["macs"] == 26 * 26 * 3 * 49 * 3
    assert three["macs"] == (30**2 + 28**2 + 26**2) * 3 * 9 * 3
    # The input, and each map once: ReLU works in place.
    assert seven["values"] == 3 * (32**2 + 26**2)
    assert three["values"] == 3 * (32**2 + 30**2 + 28**2 + 26**2)


def test_equal_fields_and_nearly_equal_parameters():
    found = {
        group: CLAIM.measure(Trial(group, {"net": depth.STEM + body, "steps": 1}), DIGITS)
        for group, body in BODIES.items()
    }
    wide, narrow, three = (found[group] for group in BODIES)

    assert wide["field"] == narrow["field"] == three["field"] == 3 + 2 * 6 + 2  # the stem, 7x7 on its steps of 2, POOL
    assert three["params"] == (9 + 1) * 16 + 3 * (9 * 16 + 1) * 16 + (7 * 7 * 16 + 1) * 10
    assert 1 < narrow["params"] / three["params"] < 1.04
    assert wide["params"] > narrow["params"]
    assert 0 <= three["accuracy"] <= 1
    assert not three["diverged"]


def test_a_plain_stack_has_its_number_of_layers():
    for layers in (2, 5):
        net = depth._plain(layers)
        found = CLAIM.measure(Trial("a", {"net": net, "steps": 1, "depth": layers}), DIGITS)
        assert found["nonlinearities"] == layers


def made_up(gain):
    """Accuracies that grow by ``gain`` from wide layers to many, and with depth up to 10 layers."""
    accuracy = {THREE: 0.9 + gain, "5 plain layers": 0.9 + gain, "10 plain layers": 0.9 + gain}
    found = []
    for trial in CLAIM.trials(Size(seeds=3)):
        if trial.group in MEMO:
            found.append((trial, CLAIM.measure(trial, DIGITS)))
            continue
        reached = accuracy.get(trial.group, 0.9) + 0.01 * trial.seed
        found.append((trial, {"params": 1, "field": 1, "accuracy": reached, "train_accuracy": reached}))
    return CLAIM.conclude(Results(found))


def test_the_verdict():
    better, worse = made_up(0.05), made_up(-0.05)

    assert better.verdict == "holds"
    assert worse.verdict == "holds partly"
    assert [s.holds for s in worse.statements] == [True, True, True, True, False, False, False]
    assert [quoted.ours for quoted in better.quoted] == ["444 and 252", "26x26x3 and 26x26x3", "441 and 243 at C = 3"]
    assert "20 plain ones less 10 make -0.05 " in better.cautions[0]


@pytest.mark.parametrize("full", [False, True])
def test_the_depths_that_are_compared_are_there(full):
    groups = {trial.group for trial in CLAIM.trials(Size(full))}

    assert {depth._plain_group(layers) for layers in (2, 5, 10, 20)} <= groups
