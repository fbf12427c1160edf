"""The strongest patches of a unit: against a search through all answers, and hand-made samples."""

import numpy as np
import pytest

from tatami.data import Split
from tatami.errors import DataError, OptionError
from tatami.inspect import passes
from tatami.inspect.field import field_of
from tatami.inspect.passes import activations
from tatami.inspect.patches import Patch, top_patches, top_patches_of_units

IMAGES = "INPUT(8x7x2) -> CONV(3) -> RELU -> POOL -> CONV(4, 3, S=2, P=1) -> FC(3)"


@pytest.mark.parametrize("layer", ["input", "conv1", "pool1", "conv2", "fc1"])
def test_the_strongest_of_all_samples(make_subject, samples, layer, monkeypatch):
    monkeypatch.setattr(passes.in_batches, "__defaults__", (16,))
    subject = make_subject(IMAGES)
    x = samples(subject, 50)
    found = top_patches(subject, x, layer, 1, 7)
    answers = activations(subject, x)[layer][..., 1].reshape(50, -1)
    order = sorted(range(50), key=lambda i: -answers[i].max())[:7]
    assert [patch.index for patch in found] == order
    np.testing.assert_allclose([patch.value for patch in found], [answers[i].max() for i in order], rtol=1e-5)
    for patch in found:
        lengths = subject.network[layer].shape[:-1]
        position = np.unravel_index(answers[patch.index].argmax(), lengths) if lengths else ()
        assert patch.position == position
        assert patch.field == field_of(subject.network, layer, position)


def test_a_unit_that_seeks_a_step_finds_it(make_subject):
    subject = make_subject("INPUT(10x1) -> CONV(1, 2, P=valid) -> FC(2)", conv1_weight=[-1, 1], conv1_bias=[0])
    raw = np.zeros((4, 10, 1), np.float32)
    raw[1, 6:] = 3  # up by 3 at 6
    raw[2, :4] = 9  # down by 9 at 4
    raw[3, 2:] = 5  # up by 5 at 2
    found = top_patches(subject, Split(raw, None), "conv1", 0, 2)
    assert found == [Patch(3, 5.0, (1,), ((1, 3),)), Patch(1, 3.0, (5,), ((5, 7),))]


def test_equal_answers_come_in_the_order_of_the_samples_and_of_the_positions(make_subject, monkeypatch):
    monkeypatch.setattr(passes.in_batches, "__defaults__", (2,))
    subject = make_subject("INPUT(4x1) -> RELU -> FC(2)")
    raw = np.tile(np.array([0, 2, 2, 0], np.float32)[:, None], (5, 1, 1))
    raw[3] = 7
    found = top_patches(subject, raw, "relu1", 0, 4)
    assert [(patch.index, patch.value, patch.position) for patch in found] == [
        (3, 7, (0,)),
        (0, 2, (1,)),
        (1, 2, (1,)),
        (2, 2, (1,)),
    ]


def test_raw_samples_are_prepared_and_fewer_than_asked_for_are_all_given(make_subject):
    subject = make_subject("INPUT(4x1) -> RELU -> FC(2)")
    object.__setattr__(subject.preprocess, "mean", (1.0,))
    found = top_patches(subject, np.array([[[0], [5], [1], [0]]], np.float32), "relu1", 0)
    assert [(patch.value, patch.position) for patch in found] == [(4, (1,))]


def test_answers_that_are_no_number_are_passed_over(make_subject):
    subject = make_subject("INPUT(2x1) -> RELU -> FC(2)")
    nan = np.nan
    raw = np.array([[[nan], [nan]], [[1], [nan]], [[3], [0]]], np.float32)
    assert [(patch.index, patch.value) for patch in top_patches(subject, raw, "input", 0)] == [(2, 3), (1, 1)]


@pytest.mark.parametrize(
    ("layer", "unit", "count", "problem"),
    [
        ("conv2", 4, 9, "conv2: no such unit; got 4; expected 0 to 3, as the layer has 4 units"),
        ("conv2", -1, 9, "conv2: no such unit; got -1; expected 0 to 3, as the layer has 4 units"),
        ("conv", 0, 9, "layer: no such layer; got conv (hint: did you mean conv2?)"),
        ("conv2", 0, 0, "count: impossible count; got 0; expected a whole number of at least 1"),
    ],
)
def test_units_that_there_are_not(make_subject, samples, layer, unit, count, problem):
    subject = make_subject(IMAGES)
    with pytest.raises(OptionError) as caught:
        top_patches(subject, samples(subject), layer, unit, count)
    assert str(caught.value) == problem


def test_no_samples(make_subject):
    with pytest.raises(DataError, match="samples: no samples to look through; expected at least 1"):
        top_patches(make_subject(IMAGES), np.zeros((0, 8, 7, 2)), "conv1", 0)


def test_many_units_in_one_pass_have_the_patches_that_each_has_alone(make_subject, samples, monkeypatch):
    monkeypatch.setattr(passes.in_batches, "__defaults__", (16,))
    subject = make_subject(IMAGES)
    x = samples(subject, 40)
    units = {"conv2": [3, 0], "conv1": [2], "fc1": [1]}
    found = top_patches_of_units(subject, x, units, 5)
    assert list(found) == [("conv2", 3), ("conv2", 0), ("conv1", 2), ("fc1", 1)]
    for (layer, unit), patches in found.items():
        assert patches == top_patches(subject, x, layer, unit, 5)
    assert top_patches_of_units(subject, x, {}) == {}
