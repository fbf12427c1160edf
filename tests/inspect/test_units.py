"""Dead and saturated units, means and deviations: against NumPy over all answers at once, and by hand."""

import numpy as np
import pytest

from tatami.data import Split
from tatami.errors import DataError
from tatami.inspect import passes
from tatami.inspect.passes import activations
from tatami.inspect.units import unit_statistics


@pytest.mark.parametrize(
    "text",
    ["INPUT(8x7x2) -> CONV(3) -> RELU -> POOL -> FC(5) -> TANH -> FC(3)", "INPUT(12x2) -> CONV(3) -> SIGMOID -> FC(2)"],
)
def test_means_deviations_and_zeros_are_those_of_all_answers(make_subject, samples, text, monkeypatch):
    monkeypatch.setattr(passes.in_batches, "__defaults__", (16,))
    subject = make_subject(text)
    x = samples(subject, 50)
    found = unit_statistics(subject, Split(x, None))
    assert list(found) == [node.name for node in subject.network]
    for name, output in activations(subject, x).items():
        layer = found[name]
        answers = output.reshape(-1, output.shape[-1])
        assert (layer.layer, layer.keyword) == (name, subject.network[name].layer.keyword)
        assert layer.units == answers.shape[1]
        assert layer.mean == pytest.approx(answers.mean(dtype=float), abs=1e-6)
        assert layer.sd == pytest.approx(answers.std(dtype=float), rel=1e-5)
        assert layer.sparsity == np.mean(answers == 0)
        np.testing.assert_allclose(layer.means, answers.mean(axis=0, dtype=float), atol=1e-6)
        np.testing.assert_allclose(layer.largest, answers.max(axis=0), rtol=1e-5)


def test_a_dead_unit_is_never_above_zero_at_any_position_of_any_sample(make_subject):
    subject = make_subject(
        "INPUT(4x1) -> CONV(4, 1) -> RELU -> FC(2)", conv1_weight=[1, -1, 1, 0], conv1_bias=[0, -1, -5, 0]
    )
    raw = np.array([[[0], [1], [2], [3]], [[0], [0], [0], [5.5]]], np.float32)
    found = unit_statistics(subject, raw)
    assert found["relu1"].dead == (1, 3)  # unit 2 speaks once
    assert {name: layer.dead for name, layer in found.items() if name != "relu1"} == {
        "input": None,
        "conv1": None,
        "fc1": None,
    }
    assert unit_statistics(subject, raw[:1])["relu1"].dead == (1, 2, 3)
    assert found["relu1"].sparsity == (4 + 8 + 7 + 8) / 32


@pytest.mark.parametrize(
    ("keyword", "inputs", "saturated"),
    [
        ("SIGMOID", [-10, -2.9, 0, 2.9, 3, 10, 0, 0], 3 / 8),  # 1 / (1 + exp(-2.94)) is 0.95
        ("TANH", [-10, -1.4, 0, 1.4, 1.5, 10, 0, 0], 3 / 8),  # tanh(1.47) is 0.9
        ("HSIGMOID", [-10, -2.6, 0, 2.6, 2.8, 10, 0, 0], 3 / 8),  # 2.7 is 0.95 * 6 - 3
        ("RELU6", [-10, 5.6, 0, 5.8, 6, 10, 0, 0], 3 / 8),  # 5.7 is 0.95 * 6; zeros are not counted
        ("RELU", [-10, 5.6, 0, 5.8, 6, 10, 0, 0], None),
        ("LEAKY", [-10, 5.6, 0, 5.8, 6, 10, 0, 0], None),
    ],
)
def test_the_share_of_saturated_answers(make_subject, keyword, inputs, saturated):
    subject = make_subject(f"INPUT(8x1) -> {keyword} -> FC(2)")
    layer = subject.network.nodes[1].name
    found = unit_statistics(subject, np.reshape(inputs, (1, 8, 1)).astype(np.float32))
    assert found[layer].saturated == saturated
    assert found["fc1"].saturated is None


def test_infinite_answers_are_told_and_not_warned_of(make_subject):
    subject = make_subject("INPUT(2x1) -> FC(2)", fc1_weight=[[np.inf, 1], [-np.inf, 1]], fc1_bias=[0, 0])
    found = unit_statistics(subject, np.ones((2, 2, 1), np.float32))["fc1"]
    assert np.isnan(found.mean)
    np.testing.assert_array_equal(found.means, [np.nan, 2])


def test_no_samples(make_subject):
    with pytest.raises(DataError, match="samples: no samples to look at; expected at least 1"):
        unit_statistics(make_subject("INPUT(4x1) -> FC(2)"), np.zeros((0, 4, 1)))
