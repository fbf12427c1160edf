"""Network's own checks, for graphs that do not come from notation."""

from dataclasses import FrozenInstanceError

import pytest

import tatami
from tatami.errors import NetworkError
from tatami.network import Network, Node, build
from tatami.network.layers import Add, Conv, Dense, Input, Layer, ReLU
from tatami.notation import parse

INPUT = Node("input", Input((8, 8, 4)), (), (8, 8, 4))
RELU = Node("relu", ReLU(), ("input",), (8, 8, 4))


def test_what_a_network_tells() -> None:
    network = build(parse("INPUT(8x8x4) -> CONV(4) -> RES[RELU -> CONV(4) -> BN] -> FC(2)"))
    assert len(network) == len(list(network)) == len(network.nodes) == 7
    assert network.input_shape == (8, 8, 4)
    assert network.output_shape == (2,)
    assert network["add1"].inputs == ("bn1", "conv1")
    assert network.input_shapes(network["add1"]) == ((8, 8, 4), (8, 8, 4))
    assert network.consumers() == {
        "input": ["conv1"],
        "conv1": ["relu1", "add1"],
        "relu1": ["conv2"],
        "conv2": ["bn1"],
        "bn1": ["add1"],
        "add1": ["fc1"],
        "fc1": [],
    }
    assert list(network.parameters()) == [
        "conv1.weight", "conv1.bias", "conv2.weight",
        "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
        "fc1.weight", "fc1.bias",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        network["conv9"]


def test_a_node_that_feeds_another_twice_is_listed_twice() -> None:
    network = build(parse("INPUT(8x8x4) -> ADD[ID | ID]"))
    assert network.consumers()["input"] == ["add1", "add1"]


def test_equal_texts_give_equal_networks_that_cannot_be_changed() -> None:
    text = "INPUT(8x8x4) -> CONV(4, 3x3) -> RELU"
    network = build(parse(text))
    assert network == build(parse(text.replace("3x3", "F=3, S=1, P=same")))
    assert network != build(parse(text.replace("3x3", "3x3, P=1")))
    for thing, name in ((network, "nodes"), (network.nodes[1], "name"), (network.nodes[1].layer, "filters")):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, name, None)


def test_spellings_of_one_network_are_equal_and_may_be_keys() -> None:
    text = "INPUT(8x8x4) -> CONV(4) -> RELU"
    spellings = [build(parse(text)), tatami.Network(text), tatami.Network.from_json(tatami.Network(text).to_json())]
    assert spellings[0] == spellings[1] == spellings[2] == spellings[0]
    assert len(set(spellings)) == 1
    assert tatami.Network(f"{text} -> RELU") not in spellings
    assert spellings[0] != spellings[0].nodes


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ((), "a network begins with INPUT"),
        ([INPUT], "a network is made of nodes; got list; expected a tuple of Node with a layer"),
        ((INPUT, "relu"), "a network is made of nodes; got tuple; expected a tuple of Node with a layer"),
        ((RELU,), "a network begins with INPUT"),
        ((INPUT, RELU, RELU), "two layers have one name; got relu"),
        ((INPUT, Node("a", ReLU(), ("b",), (8, 8, 4))), "a: a layer's input does not come before it; got b"),
        ((INPUT, Node("a", ReLU(), ("a",), (8, 8, 4))), "a: a layer's input does not come before it; got a"),
        ((INPUT, Node("a", Input((3,)), (), (3,))), "a network has one INPUT; got a"),
        ((Node("a", Input((3,)), ("b",), (3,)),), "a: a layer's input does not come before it; got b"),
        ((INPUT, Node("a", Add(), ("input",), (8, 8, 4))), "a: too few inputs; got 1; expected at least 2"),
        ((INPUT, Node("a", ReLU(), (), (8, 8, 4))), "a: wrong number of inputs; got 0; expected 1"),
        (
            (INPUT, RELU, Node("a", ReLU(), ("input", "relu"), (8, 8, 4))),
            "a: wrong number of inputs; got 2; expected 1",
        ),
        (
            (INPUT, Node("a", Dense(3), ("input",), (8, 8, 3))),
            "a: shape does not follow; got (8, 8, 3); expected (3,)",
        ),
    ],
)
def test_nodes_that_form_no_network(nodes: tuple[Node, ...], message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Network(nodes)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "layer", [Conv(4, (3,), (1,)), Conv(4, (3, 3, 3), (1, 1, 1)), Conv(4, (3, 3), (1, 1), groups=3)]
)
def test_a_layer_that_cannot_take_its_input_is_refused_by_its_own_rule(layer: Layer) -> None:
    with pytest.raises(NetworkError):
        Network((INPUT, Node("a", layer, ("input",), (8, 8, 4))))
