"""The field of a unit: against the support of its gradient, by brute force, and against the plan's formula."""

import itertools

import numpy as np
import pytest

from tatami.engines.initial import initial_weights
from tatami.engines.textbook.rules import Mode
from tatami.engines.textbook.walk import backward, forward
from tatami.errors import OptionError
from tatami.inspect.field import field_of
from tatami.network import find_network
from tatami.plan.receptive_field import receptive_fields

# Every layer between passes some gradient everywhere, so that its support is what is seen.
NETWORKS = [
    "INPUT(9x7x1) -> CONV(2, 3)",
    "INPUT(9x7x1) -> CONV(2, 3x2, P=valid)",
    "INPUT(8x9x1) -> CONV(2, 3, S=2, P=0) -> CONV(2, 3, S=2)",
    "INPUT(10x9x1) -> CONV(2, 2, S=3) -> CONV(2, 3, P=1)",
    "INPUT(11x8x1) -> CONV(2, 3, dilation=2) -> POOL(avg, 2)",
    "INPUT(9x9x1) -> CONV(2, 3, dilation=3, P=2, S=2) -> CONV(2, 2)",
    "INPUT(9x8x1) -> CONV(2, 2x3, S=2x1, P=((1,0),(0,2))) -> TANH -> POOL(avg, 3, S=2, P=1)",
    "INPUT(9x8x1) -> CONV(2) -> ADD[CONV(2, 5) -> CONV(2) | ID] -> POOL(avg)",
    "INPUT(12x9x1) -> CONCAT[CONV(2, 3, S=2) | POOL(avg, 2, S=2, P=same)]",
    "INPUT(12x9x1) -> CONCAT[CONV(2, 5, S=2, P=2) -> CONV(2, 3) | CONV(2, 1, S=2)] -> CONV(2, 3)",
    "INPUT(25x1) -> CONV(2, 5, S=2) -> CONV(2, 3, S=3, P=valid) -> CONV(2, 3)",
    "INPUT(17x1) -> DWCONV(3, dilation=4) -> SIGMOID -> CONV(2, 2, S=2)",
    "INPUT(13x2) -> POOL(avg, 4, S=3, P=(1,2)) -> CONV(2, 3)",
    "INPUT(5x4x6x1) -> CONV(2, 2x3x2, S=2) -> CONV(1, 2)",
    "INPUT(9x8x1) -> CONV(2, 3, S=2, P=0) -> FC(3)",
    "INPUT(9x8x1) -> CONV(2, 3, S=2, P=0) -> GAP -> FC(3) -> RELU",
    "INPUT(6x1) -> CONV(2, 1, P=2) -> CONV(1, 1, P=1)",
]


def support(network, position) -> tuple[tuple[int, int], ...]:
    """The smallest spans with all inputs for which the last layer's units at ``position`` have a gradient."""
    weights = {node.name: {} for node in network}
    for name, value in initial_weights(network, 0, np.dtype(float)).items():
        node, parameter = name.split(".")
        weights[node][parameter] = np.abs(value) + 0.1  # of one sign, so that paths do not cancel
    output, tape = forward(network.nodes, weights, np.zeros((1, *network.input_shape)), [Mode()] * len(network))
    dY = np.zeros_like(output)
    dY[(0, *position)] = 1
    dX, _ = backward(tape, dY)
    touched = dX[0].any(axis=-1)
    spans = []
    for axis in range(touched.ndim):
        others = tuple(other for other in range(touched.ndim) if other != axis)
        seen = np.flatnonzero(touched.any(axis=others))
        spans.append((int(seen[0]), int(seen[-1]) + 1) if len(seen) else (0, 0))
    return tuple(spans)


@pytest.mark.parametrize("text", NETWORKS)
def test_a_clipped_field_is_the_support_of_the_gradient(text):
    network = find_network(text).build()
    last = network.nodes[-1]
    for position in itertools.product(*map(range, last.shape[:-1])):
        assert field_of(network, last.name, position) == support(network, position), position


@pytest.mark.parametrize("text", NETWORKS)
def test_an_unclipped_field_is_what_the_plan_foretells(text):
    network = find_network(text).build()
    for name, field in receptive_fields(network).items():
        node = network[name]
        if field.axes is None:
            continue
        for position in itertools.product(*map(range, node.shape[:-1])):
            expected = tuple(
                (axis.start + place * axis.jump, axis.start + place * axis.jump + axis.size)
                for axis, place in zip(field.axes, position, strict=True)
            )
            assert field_of(network, name, position, clip=False) == expected, (name, position)


def test_a_gate_selects_no_position():
    network = find_network("INPUT(9x9x2) -> CONV(2) -> MUL[ID | GAP -> FC(2) -> SIGMOID] -> CONV(2)").build()
    assert field_of(network, "conv2", (4, 0)) == ((2, 7), (0, 3))
    assert field_of(network, "fc1") == ((0, 9), (0, 9))


def test_branches_with_other_jumps_have_a_field_though_no_formula():
    network = find_network("INPUT(16x1) -> CONCAT[CONV(1, 3, S=2) -> CONV(1, 3, S=2) | POOL(4)]").build()
    last = network.nodes[-1].name
    assert receptive_fields(network)[last].why == "misaligned"
    assert field_of(network, last, (1,)) == ((4, 11),)  # positions 2 to 4 of the first CONV, more than POOL's 4 to 7


def test_pixels_that_no_window_reaches_stay_out():
    """POOL reads pixels 0 to 7 of 9; the padding behind it would reach the ninth if maps went on for ever."""
    network = find_network("INPUT(9x1) -> POOL -> CONV(1, 3)").build()
    assert field_of(network, "conv1", (3,)) == ((4, 8),)
    assert field_of(network, "conv1", (3,), clip=False) == ((4, 10),)


def test_inputs_without_positions():
    network = find_network("INPUT(5) -> FC(3)").build()
    assert field_of(network, "fc1") == ()
    assert field_of(network, "input") == ()


@pytest.mark.parametrize(
    ("layer", "position", "problem"),
    [
        ("conv1", (9, 0), "conv1: no such position; got (9, 0); expected a place in the map of 9x7"),
        ("conv1", (-1, 0), "conv1: no such position; got (-1, 0); expected a place in the map of 9x7"),
        ("conv1", (3,), "conv1: no such position; got (3,); expected a place in the map of 9x7"),
        ("fc1", (3,), "fc1: no such position; got (3,); expected none, as it is a plain vector"),
        ("fc2", (), "layer: no such layer; got fc2 (hint: did you mean fc1?)"),
    ],
)
def test_positions_that_there_are_not(layer, position, problem):
    network = find_network("INPUT(9x7x1) -> CONV(2, 3) -> FC(2)").build()
    with pytest.raises(OptionError) as caught:
        field_of(network, layer, position)
    assert str(caught.value) == problem
