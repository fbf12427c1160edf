"""The shortest text that we find: it builds the very same network, and reads as a person would write it."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tatami.errors import NetworkError, TatamiError
from tatami.network import find_network, zoo
from tatami.network.as_text import network_program
from tatami.network.build import build
from tatami.network.fold import fold, folded_text
from tatami.network.graph import Network, Node
from tatami.network.layers import Foreign, Input, ReLU
from tatami.notation import parse, print_text


def network_of(text: str) -> Network:
    return find_network(text).build()


@pytest.mark.parametrize("name", zoo.names())
def test_the_whole_zoo_comes_back_and_is_shorter(name: str) -> None:
    network = network_of(name)
    text = folded_text(network)

    assert build(parse(text)) == network
    assert len(text) < len(print_text(network_program(network)))


# --- random networks ---

SIZES = st.sampled_from([8, 16, 24])
LAYERS = st.one_of(
    st.builds("CONV({}, {})".format, SIZES, st.sampled_from([1, 3, "3, dilation=2", "1x3", "3, P=1, bias=yes"])),
    st.builds("DWCONV({})".format, st.sampled_from([3, 5])),
    st.sampled_from(["BN", "RELU", "LEAKY(0.2)", "ID", "POOL(3, S=1, P=1)", "LN", "SCALE(init=0.5)", "SHUFFLE(4)"]),
)


def _around(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    chains = st.lists(items, min_size=1, max_size=4).map(" -> ".join)
    return st.one_of(
        st.builds("RES[{}]".format, chains),
        st.builds("RES[{} | CONV(8, 1) -> BN]".format, chains.map(lambda text: text + " -> CONV(8)")),
        st.builds("CONCAT[{} | {}]".format, chains, chains),
        st.builds("SPLIT[ID | {}]".format, chains),
        st.builds("MUL[ID | GAP -> FC({}) -> RELU -> FC(depth) -> SIGMOID]".format, SIZES),
        st.builds("[{}]*{}".format, chains, st.integers(1, 4)),
        st.builds("[CONV({{8,16,{}}}, 3) -> {}]*3".format, SIZES, chains),
    )


CHAINS = st.lists(st.recursive(LAYERS, _around, max_leaves=8), min_size=1, max_size=12).map(" -> ".join)


@given(CHAINS)
@settings(max_examples=60, deadline=None)
def test_random_networks_come_back(chain: str) -> None:
    text = f"INPUT(9x9x8) -> {chain}"
    try:
        network = network_of(text)
    except TatamiError:
        assume(False)

    assert build(fold(network)) == network
    assert len(folded_text(network)) <= len(print_text(network_program(network)))


# --- what it finds ---


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("INPUT(8) -> RELU -> RELU -> RELU", "INPUT(8) -> RELU*3"),
        (
            "INPUT(32x32x3) -> CONV(16) -> RELU -> POOL -> CONV(32) -> RELU -> POOL -> CONV(64) -> RELU -> POOL",
            "INPUT(32x32x3) -> [CONV({16,32,64}) -> RELU -> POOL]*3",
        ),
        # The number of turns is a number, too.
        (
            "INPUT(32x32x3) -> [[CONV({8,16}) -> RELU]*{2,3} -> POOL]*2",
            "INPUT(32x32x3) -> [[CONV({8,16}) -> RELU]*{2,3} -> POOL]*2",
        ),
        # A list of two must not stand in a repeat of two turns, which would claim it.
        (
            "INPUT(32x32x3) -> [CONV(8) -> RELU]*2 -> POOL -> [CONV(16) -> RELU]*2 -> POOL",
            "INPUT(32x32x3) -> [CONV(8) -> RELU]*2 -> POOL -> [CONV(16) -> RELU]*2 -> POOL",
        ),
        # The projection that RES makes by itself is not written.
        (
            "INPUT(8x8x3) -> RES[CONV(8) -> BN -> RELU -> CONV(8) -> BN | CONV(8, 1, P=0, bias=no) -> BN]",
            "INPUT(8x8x3) -> RES[CONV(8) -> BN -> RELU -> CONV(8) -> BN]",
        ),
        (
            "INPUT(8x8x3) -> RES[CONV(8) -> BN -> RELU -> CONV(8) -> BN | CONV(8, 1, P=0, bias=yes) -> BN]",
            "INPUT(8x8x3) -> RES[CONV(8) -> BN -> RELU -> CONV(8) -> BN | CONV(8, 1, P=0, bias=yes) -> BN]",
        ),
        ("INPUT(8) -> FC(4, name=a) -> FC(4, name=b)", "INPUT(8) -> FC(4, name=a) -> FC(4, name=b)"),
    ],
)
def test_repeats(text: str, folded: str) -> None:
    assert folded_text(network_of(text)) == folded


def test_resnet_50_reads_as_a_person_would_write_it() -> None:
    assert folded_text(network_of("resnet50")).split("\n") == [
        "let residual(w, s) = RES[CONV(w, 1) -> BN -> RELU -> CONV(w, S=s, P=1) -> BN -> RELU -> CONV(4*w, 1) -> BN]"
        " -> RELU",
        "INPUT(224x224x3) -> CONV(64, 7, S=2, P=3) -> BN -> RELU -> POOL(3, S=2, P=1) -> residual(64, 1)*3"
        " -> [residual({128,256,512}, 2) -> residual({128,256,512}, 1)*{3,5,2}]*3 -> GAP -> FC(1000)",
    ]


def test_what_the_notation_cannot_say() -> None:
    nodes = (
        Node("input", Input((4, 4, 2)), (), (4, 4, 2)),
        Node("foreign1", Foreign("Resize", (8, 8, 2)), ("input",), (8, 8, 2)),
        Node("relu1", ReLU(), ("foreign1",), (8, 8, 2)),
    )
    with pytest.raises(NetworkError) as caught:
        fold(Network(nodes))

    assert str(caught.value) == "foreign1: the notation has no layer for an operator from elsewhere; got Resize"
