"""Activations and gradients at rest: held against finite differences, hand arithmetic and the fast engine."""

import numpy as np
import pytest

from tatami.engines import compile
from tatami.errors import DataError, OptionError
from tatami.inspect import passes
from tatami.inspect.passes import activations, gradients, output_of, scores

from ..engines.cases import CASES

IMAGES = "INPUT(8x7x2) -> CONV(3, bias=no) -> BN -> SILU -> DROPOUT(0.5) -> POOL(avg) -> FC(4)"
BRANCHES = (
    "INPUT(6x5x2) -> CONV(4) -> ADD[CONV(4) -> SIGMOID | ID] -> MUL[ID | GAP -> FC(4) -> TANH] -> FC(3) -> SOFTMAX"
)
SIGNALS = "INPUT(12x2) -> CONV(3, 5, S=2) -> GELU -> CONCAT[CONV(2, 1) | ID] -> GAP -> FC(3)"


@pytest.mark.parametrize("text", [IMAGES, BRANCHES, SIGNALS])
def test_activations_are_every_layers_output_and_end_in_the_fast_engines(make_subject, samples, text):
    subject = make_subject(text)
    x = samples(subject)
    found = activations(subject, x)
    assert list(found) == [node.name for node in subject.network]
    assert {name: (value.shape, value.dtype) for name, value in found.items()} == {
        node.name: ((3, *node.shape), np.float32) for node in subject.network
    }
    np.testing.assert_array_equal(found["input"], x)
    engine = compile(subject.network, batch=3)
    engine.load_state_dict(subject.state)
    np.testing.assert_allclose(found[subject.network.nodes[-1].name], engine.forward(x), atol=1e-5)


def test_activations_of_a_hand_written_network(make_subject):
    subject = make_subject(
        "INPUT(4x1) -> CONV(1, 2, P=valid) -> RELU -> FC(2) -> SOFTMAX",
        conv1_weight=[1, -1],
        conv1_bias=[0.5],
        fc1_weight=[[1, 0], [0, 1], [2, 0]],
        fc1_bias=[0, 0],
    )
    found = activations(subject, np.array([[[3], [1], [4], [1]]]))
    np.testing.assert_array_equal(found["conv1"].ravel(), [2.5, -2.5, 3.5])
    np.testing.assert_array_equal(found["relu1"].ravel(), [2.5, 0, 3.5])
    np.testing.assert_array_equal(found["fc1"].ravel(), [9.5, 0])
    np.testing.assert_allclose(found["softmax1"].ravel(), np.exp([9.5, 0]) / np.exp([9.5, 0]).sum(), rtol=1e-6)


@pytest.mark.parametrize("text", [IMAGES, BRANCHES, SIGNALS])
def test_scores_stand_before_a_final_softmax(make_subject, samples, text):
    subject = make_subject(text)
    x = samples(subject)
    last = "fc2" if text == BRANCHES else "fc1"
    np.testing.assert_array_equal(scores(subject, x), activations(subject, x)[last])


def test_the_output_of_one_layer_needs_only_those_before_it(make_subject, samples, monkeypatch):
    subject = make_subject(BRANCHES)
    x = samples(subject)
    expected = activations(subject, x)["add1"]
    ran = []
    run = passes.walk
    monkeypatch.setattr(passes, "walk", lambda nodes, *rest: ran.extend(n.name for n in nodes) or run(nodes, *rest))
    np.testing.assert_array_equal(output_of(subject, x, "add1"), expected)
    assert ran[-1] == "add1"
    assert "fc2" not in ran


@pytest.mark.parametrize("text", [IMAGES, BRANCHES, SIGNALS])
def test_gradients_for_input_and_weights_are_finite_differences(make_subject, samples, text):
    subject = make_subject(text)
    x, targets = samples(subject), np.array([2, 0, 1])
    found = gradients(subject, x, targets)
    np.testing.assert_array_equal(found.scores, scores(subject, x)[np.arange(3), targets])

    def total(x, state):
        moved = type(subject)(subject.network, state, subject.preprocess, subject.classes, subject.kind)
        return scores(moved, x)[np.arange(3), targets].astype(float).sum()

    rng, step = np.random.default_rng(5), 1e-2
    direction = rng.standard_normal(x.shape).astype(np.float32) / 20
    slope = (total(x + step * direction, subject.state) - total(x - step * direction, subject.state)) / (2 * step)
    assert slope == pytest.approx(float((found.input * direction).sum()), abs=1e-3)
    assert set(found.weights) == {n for n, p in subject.network.parameters().items() if p.trainable}
    for name, gradient in found.weights.items():
        direction = rng.standard_normal(gradient.shape).astype(np.float32) / 20
        ends = [{**subject.state, name: subject.state[name] + sign * step * direction} for sign in (1, -1)]
        slope = (total(x, ends[0]) - total(x, ends[1])) / (2 * step)
        assert slope == pytest.approx(float((gradient * direction).sum()), abs=1e-3), name


def test_gradients_for_activations_of_a_hand_written_network(make_subject):
    subject = make_subject(
        "INPUT(4x1) -> CONV(1, 2, P=valid) -> RELU -> FC(2) -> SOFTMAX",
        conv1_weight=[1, -1],
        conv1_bias=[0.5],
        fc1_weight=[[1, 0], [5, 1], [2, 7]],
        fc1_bias=[0, 0],
    )
    found = gradients(subject, np.array([[[3], [1], [4], [1]]] * 2), [0, 1])
    np.testing.assert_array_equal(found.activations["fc1"], [[1, 0], [0, 1]])
    np.testing.assert_array_equal(found.activations["relu1"][..., 0], [[1, 5, 2], [0, 1, 7]])
    np.testing.assert_array_equal(found.activations["conv1"][..., 0], [[1, 0, 2], [0, 0, 7]])  # 1 - 4 + 0.5 < 0
    np.testing.assert_array_equal(found.input[..., 0], [[1, -1, 2, -2], [0, 0, 7, -7]])
    np.testing.assert_array_equal(found.activations["input"], found.input)
    np.testing.assert_array_equal(found.weights["conv1.bias"], [10])  # over both samples
    assert "softmax1" not in found.activations


def test_gradients_where_branches_meet_are_summed_and_zero_for_what_leads_nowhere(make_subject, samples):
    subject = make_subject(BRANCHES)
    x = samples(subject)
    found = gradients(subject, x, 1)
    flowing = found.activations["add1"] * 1  # add1 hands its gradient to sigmoid1 and, past it, to conv1
    through_conv2 = found.activations["conv2"]
    weight = subject.weights["conv2"]["weight"]
    padded = np.pad(through_conv2, [(0, 0), (1, 1), (1, 1), (0, 0)])
    back = np.zeros_like(flowing)
    for i in range(3):
        for j in range(3):  # each input position gives to the outputs around it
            back += padded[:, 2 - i : 8 - i, 2 - j : 7 - j] @ weight[i, j].T
    np.testing.assert_allclose(found.activations["conv1"], flowing + back, atol=1e-5)


@pytest.mark.parametrize("text", dict.fromkeys(case.text for case in CASES))
def test_every_layer_computes_in_float32_and_has_gradients_of_the_shape_of_its_output(make_subject, samples, text):
    subject = make_subject(f"{text} -> FC(3)")
    x = samples(subject).astype(float)
    found = gradients(subject, x, 1)
    shapes = {node.name: (3, *node.shape) for node in subject.network}
    assert {name: value.shape for name, value in found.activations.items()} == shapes
    parameters = subject.network.parameters().items()
    assert {n: g.shape for n, g in found.weights.items()} == {n: p.shape for n, p in parameters if p.trainable}
    arrays = [*activations(subject, x).values(), *found.activations.values(), *found.weights.values(), found.scores]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_one_target_serves_all_samples(make_subject, samples):
    subject = make_subject(SIGNALS)
    x = samples(subject)
    np.testing.assert_array_equal(gradients(subject, x, 2).input, gradients(subject, x, [2, 2, 2]).input)


@pytest.mark.parametrize(
    ("targets", "problem"),
    [
        (3, "targets: target out of range; got 3; expected 0 to 2, as the network has 3 outputs"),
        ([0, -1, 2], "targets: target out of range; got -1; expected 0 to 2, as the network has 3 outputs"),
        ([0, 1], "targets: unusable targets; got int64 (2,); expected a whole number, or one for each of 3 samples"),
        (1.5, "targets: unusable targets; got float64 (); expected a whole number, or one for each of 3 samples"),
    ],
)
def test_targets_that_the_network_does_not_have(make_subject, samples, targets, problem):
    subject = make_subject(SIGNALS)
    with pytest.raises(OptionError) as caught:
        gradients(subject, samples(subject), targets)
    assert str(caught.value) == problem


def test_a_network_without_scores_has_nothing_to_explain(make_subject, samples):
    subject = make_subject("INPUT(4x4x1) -> CONV(2)")
    assert activations(subject, samples(subject))["conv1"].shape == (3, 4, 4, 2)
    with pytest.raises(OptionError) as caught:
        gradients(subject, samples(subject), 0)
    assert str(caught.value) == (
        "conv1: this network has no scores to explain; got an output of 4x4x2; expected one score for each class or "
        "target"
    )


def test_a_layer_that_there_is_not(make_subject, samples):
    subject = make_subject(SIGNALS)
    with pytest.raises(OptionError) as caught:
        output_of(subject, samples(subject), "gelu2")
    assert str(caught.value) == "layer: no such layer; got gelu2 (hint: did you mean gelu1?)"


def test_samples_of_another_shape(make_subject):
    with pytest.raises(DataError, match="the samples do not have the shape of INPUT"):
        activations(make_subject(SIGNALS), np.zeros((1, 12)))
