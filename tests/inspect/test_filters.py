"""Filters as pictures: of convolutions, of FC over a map, and of layers that have none."""

import numpy as np
import pytest

from tatami.errors import OptionError
from tatami.inspect.filters import filters, layers_with_filters

TEXT = "INPUT(6x5x2) -> DROPOUT(0.5) -> CONV(4, 3) -> BN -> RELU -> DWCONV(3) -> POOL -> FLATTEN -> FC(3)"


def test_filters_are_the_layers_weights(make_subject):
    subject = make_subject(TEXT)
    assert layers_with_filters(subject.network) == ["conv1", "dwconv1", "fc1"]
    first, second = filters(subject, "conv1"), filters(subject, "dwconv1")
    np.testing.assert_array_equal(first.values, subject.state["conv1.weight"])
    assert (first.values.shape, first.first) == ((3, 3, 2, 4), True)
    assert (second.values.shape, second.first) == ((3, 3, 1, 4), False)


def test_fc_sees_the_map_before_it(make_subject):
    subject = make_subject(TEXT)
    found = filters(subject, "fc1")
    assert (found.values.shape, found.first) == ((3, 2, 4, 3), False)
    # A map with 1 in one place alone gets back, from FC, the weights of that place.
    x = np.zeros((3, 2, 4), np.float32)
    x[2, 1, 3] = 1
    np.testing.assert_array_equal(x.reshape(-1) @ subject.state["fc1.weight"], found.values[2, 1, 3])


def test_filters_of_a_signal(make_subject):
    subject = make_subject("INPUT(9x2) -> FC(5) -> RELU -> FC(3)")
    first, second = filters(subject, "fc1"), filters(subject, "fc2")
    assert (first.values.shape, first.first) == ((9, 2, 5), True)
    assert (second.values.shape, second.first) == ((5, 3), False)
    assert filters(make_subject("INPUT(9x2) -> CONV(4, 3)"), "conv1").values.shape == (3, 2, 4)


def test_normalised_filters_keep_zero_and_sign(make_subject):
    weights = np.zeros((3, 1, 3))
    weights[:, 0, 0], weights[:, 0, 1] = [1, -4, 2], [0.5, 0.25, 0]
    subject = make_subject("INPUT(9x1) -> CONV(3, 3)", conv1_weight=weights)
    found = filters(subject, "conv1").normalised()
    np.testing.assert_array_equal(found[:, 0].T, [[0.25, -1, 0.5], [1, 0.5, 0], [0, 0, 0]])
    np.testing.assert_array_equal(subject.state["conv1.weight"], weights)


@pytest.mark.parametrize(
    ("text", "layer", "problem"),
    [
        (TEXT, "relu1", "relu1: this layer has no filters; got RELU (hint: layers with filters: conv1, dwconv1, fc1)"),
        ("INPUT(4x1) -> GAP", "gap1", "gap1: this layer has no filters; got GAP (hint: this network has none)"),
        (TEXT, "conv3", "layer: no such layer; got conv3 (hint: did you mean conv1?)"),
    ],
)
def test_layers_without_filters(make_subject, text, layer, problem):
    with pytest.raises(OptionError) as caught:
        filters(make_subject(text), layer)
    assert str(caught.value) == problem
