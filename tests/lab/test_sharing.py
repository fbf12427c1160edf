"""Local layers against a convolution written out at each position; shifts; parameters; the verdict."""

import numpy as np
import pytest

from tatami.data import Split
from tatami.engines import compile
from tatami.lab.claim import Results, Size, Trial
from tatami.lab.experiments import sharing
from tatami.lab.experiments.sharing import CLAIM, FULL, IMAGES, LAYERS, LOCAL, SHARED
from tatami.lab.training import Recipe, begin
from tatami.network import find_network
from tatami.recipe import SGD

DIGITS = "sample:digits"


@pytest.fixture(scope="module")
def inside():
    return sharing.windows(DIGITS)


def test_the_windows_are_those_of_the_convolution(inside):
    grid = inside.reshape(14, 14, 10, 10, 8)  # digits of 28x28, halved, under 5x5 filters

    assert inside.sum() == 10 * 10 * 8 * 25
    for x, y in [(0, 0), (3, 7), (9, 9)]:
        expected = np.zeros((14, 14), bool)
        expected[x : x + 5, y : y + 5] = True
        assert all(np.array_equal(grid[:, :, x, y, k], expected) for k in range(8))


def test_with_equal_weights_everywhere_it_is_the_convolution_and_its_gradients_add_up(inside):
    rng = np.random.default_rng(0)
    head = "-> RELU -> FC(10)"
    shared = find_network(f"INPUT(14x14x1) -> {sharing.CONV} {head}").build()
    full = find_network(f"INPUT(14x14x1) -> FC(800) {head}").build()
    conv, local = (compile(net, "textbook", optimizer=SGD(0.1), dtype="float64") for net in (shared, full))
    state = conv.state_dict()
    filters = rng.standard_normal((5, 5, 1, 8))
    dense = np.zeros((14, 14, 10, 10, 8))
    for x in range(10):
        for y in range(10):
            dense[x : x + 5, y : y + 5, x, y] = filters[:, :, 0]
    conv.load_state_dict({**state, "conv1.weight": filters})
    local.load_state_dict(
        {
            "fc1.weight": dense.reshape(196, 800),
            "fc1.bias": np.tile(state["conv1.bias"], 100),
            "fc2.weight": state["fc1.weight"],
            "fc2.bias": state["fc1.bias"],
        }
    )
    x, labels = rng.standard_normal((4, 14, 14, 1)), np.arange(4)

    (loss, expected), (same, found) = conv.gradients(x, labels), local.gradients(x, labels)
    gradient = (found["fc1.weight"] * inside).reshape(14, 14, 10, 10, 8)
    summed = sum(gradient[x : x + 5, y : y + 5, x, y] for x in range(10) for y in range(10))

    assert same == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(summed, expected["conv1.weight"][:, :, 0], rtol=1e-9, atol=1e-12)


def test_training_keeps_local_weights_in_their_windows_and_moves_them_as_their_gradients_say(inside):
    """Adam's first step moves each weight by its rate against the sign of its gradient, whatever the others do."""
    start = sharing.fit_layer(LOCAL, 64, 0, DIGITS, 0).model.state_dict()["fc1.weight"]
    recipe = Recipe(sharing.NET.format(layer="FC(800)"), 1, samples=64)
    by_hand = begin(recipe, DIGITS, 0)
    sharing.keep_inside(by_hand, inside, 14 / 5)
    assert np.array_equal(by_hand.model.state_dict()["fc1.weight"], start)
    gradient = by_hand.model.gradients(*by_hand.samples(by_hand.split))[1]["fc1.weight"]

    stepped = sharing.fit_layer(LOCAL, 64, 1, DIGITS, 0).model.state_dict()["fc1.weight"]
    moved = stepped - start
    sure = inside & (np.abs(gradient) > 1e-5)

    assert not stepped[~inside].any()
    assert sure.sum() > 1000
    assert np.array_equal(np.sign(moved[sure]), -np.sign(gradient[sure]))
    assert np.ptp(np.abs(moved[sure])) < 0.01 * np.abs(moved[sure]).mean()


def test_its_first_weights_are_hes_for_a_window(inside):
    weights = sharing.fit_layer(LOCAL, 64, 0, DIGITS, 1).model.state_dict()["fc1.weight"]

    assert weights[inside].std() == pytest.approx(np.sqrt(2 / 25), rel=0.03)


def test_shifts_by_hand():
    x = np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3, 1)
    found = [split.x[0, ..., 0].tolist() for split in sharing.shifted(Split(x, np.zeros(1)), 1)]

    assert found == [[[1, 2, 3], [1, 2, 3]], [[4, 5, 6], [4, 5, 6]], [[1, 1, 2], [4, 4, 5]], [[2, 3, 3], [5, 6, 6]]]


@pytest.mark.parametrize(("layer", "params"), [(SHARED, 208), (LOCAL, 100 * 8 * 26), (FULL, 800 * 197)])
def test_parameters_are_those_that_can_move(layer, params):
    found = CLAIM.measure(Trial("a", {"layer": layer, "images": 64, "steps": 2}, 0), DIGITS)

    assert (found["params"], found["total"], found["outputs"]) == (params, params + 8010, 800)
    assert 0 <= found["accuracy 4"] <= 1


def made_up(gain):
    """Convolutions that are better by ``gain`` with few images, by a tenth of it with many and when shifted."""
    params = dict(zip(LAYERS, (208, 20_800, 157_600), strict=True))
    found = []
    for trial in CLAIM.trials(Size(seeds=3)):
        layer, images = trial.settings["layer"], trial.settings["images"]
        accuracy = 0.8 + 0.001 * trial.seed + (layer == SHARED) * gain * (1 if images == IMAGES[0] else 0.1)
        after = {f"accuracy {p}": accuracy - 0.1 + (layer == SHARED) * gain * 0.1 for p in sharing.SHIFTS}
        figures = {"params": params[layer], "total": params[layer], "outputs": 800, "accuracy": accuracy}
        found.append((trial, {**figures, "train_accuracy": 1.0, **after}))
    return CLAIM.conclude(Results(found))


def test_the_verdict():
    assert made_up(0.1).verdict == "holds"
    worse = made_up(-0.1)
    assert worse.verdict == "holds partly"
    assert [statement.holds for statement in worse.statements] == [True, True, *[False] * 5]
    assert worse.quoted[0].ours == worse.quoted[0].paper
