"""Text, Network and JSON: three spellings of one network, without loss; and .net files."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tatami
from tatami.errors import NetworkError, NotationError, OptionError
from tatami.network import (
    Network,
    Node,
    build,
    find_network,
    network_from_json,
    network_json,
    network_program,
    print_netfile,
    source_of_text,
    zoo,
)
from tatami.network.layers import Add, Conv, Input, ReLU
from tatami.network.netfile import MAX_BYTES, parse_netfile, read_netfile
from tatami.notation import parse, parse_value, print_text


def net(text: str) -> Network:
    return build(parse(text))


def text_of(network: Network) -> str:
    return print_text(network_program(network))


# --- random networks: every layer keeps the shape 8x8x4 or is followed by what restores it ---

SAME_SHAPE = st.sampled_from(
    [
        "RELU", "RELU6", "LEAKY", "LEAKY(0.3)", "SIGMOID", "TANH", "GELU", "SILU", "HSIGMOID", "HSWISH", "SOFTMAX",
        "BN", "BN(eps=0.001)", "BN(momentum=0.25)", "LN", "LRN", "LRN(3, k=1.5)", "DROPOUT",
        "DROPOUT(0.3333333333333333)",
        "CONV(4)", "CONV(4, bias=no)", "CONV(4, bias=yes)", "CONV(4, 5x1)", "CONV(4, P=1)", "CONV(4, dilation=2)",
        "CONV(4, groups=2)", "CONV(4, 2, P=((0,1),(1,0)))", "CONV(4, 5, P=2x2)", "CONV(4, name=own)",
        "CONV(4, name=conv3)",
        "DWCONV", "DWCONV(5, bias=no)", "DWCONV(multiplier=2) -> CONV(4, 1)",
        "POOL(3, S=1, P=1)", "POOL(avg, 3, S=1, P=same, count_pad=yes)", "POOL(1)", "SHUFFLE", "SHUFFLE(4)", "ID",
        "MUL[ID | GAP -> FC(2) -> RELU -> FC(4) -> SIGMOID]", "SLICE(0, 2) -> CONCAT[ID | ID]",
        "CONV(7, S=2) -> CONCAT[ID | ID] -> RES[CONV(4, 3)] -> POOL(1, S=1) -> ADD[ID | ID] -> CONV(4, 1, P=(2,2))",
    ]
)  # fmt: skip


def _chain(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=1, max_size=3).map(" -> ".join)


def _nested(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    path = _chain(items)
    return st.one_of(
        st.builds("RES[{}]".format, path),
        st.builds("RES[{} | {}]".format, path, path),
        st.builds("ADD[{} | {}]".format, path, path),
        st.builds("ADD[{} | {} | {}]".format, path, path, path),
        st.builds("CONCAT[{} | {}] -> CONV(4, 1)".format, path, path),
        st.builds("CONV(8, 1) -> SPLIT[{} | {}] -> SLICE(2, 6)".format, path, path),
        st.builds("[{}]*2".format, path),
    )


BODIES = _chain(st.recursive(SAME_SHAPE, _nested, max_leaves=8))


def _built_once(text: str) -> Network | None:
    """None where a name is used twice, or a stride has made a map too small."""
    try:
        return net(text)
    except NotationError:
        return None


@given(BODIES)
def test_text_and_json_of_random_networks_lose_nothing(body: str) -> None:
    network = _built_once(f"INPUT(8x8x4) -> {body} -> FC(3)")
    if network is not None:
        assert network_from_json(json.loads(json.dumps(network_json(network)))) == network
        text = text_of(network)
        assert net(text) == network
        assert text_of(net(text)) == text


@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_in_three_spellings(name: str) -> None:
    network = find_network(name).build()
    assert net(text_of(network)) == network
    assert network_from_json(json.loads(json.dumps(network_json(network)))) == network


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("INPUT(8x8x1) -> conv -> relu -> pool -> FC(3)", "INPUT(8x8x1) -> CONV(32) -> RELU -> POOL -> FC(3)"),
        ("INPUT(9) -> [FC(4) -> TANH]*2", "INPUT(9) -> FC(4) -> TANH -> FC(4) -> TANH"),
        ("INPUT(9x2) -> CONV(4, 3, S=2x2, P=1)".replace("2x2", "2"), "INPUT(9x2) -> CONV(4, S=2, P=1)"),
        ("INPUT(8x8x1) -> CONV(4) -> BN", "INPUT(8x8x1) -> CONV(4) -> BN"),
        ("INPUT(8x8x1) -> CONV(4, bias=yes) -> BN", "INPUT(8x8x1) -> CONV(4, bias=yes) -> BN"),
        ("INPUT(8x8x1) -> CONV(4, bias=no)", "INPUT(8x8x1) -> CONV(4, bias=no)"),
        (
            "INPUT(8x8x2) -> RES[CONV(2)] -> RES[CONV(3)]",
            "INPUT(8x8x2) -> RES[CONV(2)] -> RES[CONV(3) | CONV(3, 1, P=0)]",
        ),
        ("INPUT(8x8x2) -> SPLIT[RELU | ID]", "INPUT(8x8x2) -> SPLIT[RELU | ID]"),
        ("INPUT(8x8x2) -> CONV(4, P=((0,1),(0,1)), name=stem)", "INPUT(8x8x2) -> CONV(4, P=(0, 1), name=stem)"),
        ("INPUT(8x8x2) -> POOL(3x2) -> POOL(1, avg, S=2)", "INPUT(8x8x2) -> POOL(3x2) -> POOL(1, avg, S=2)"),
    ],
)
def test_a_network_is_written_as_a_reader_would(text: str, printed: str) -> None:
    assert text_of(net(text)) == printed


def test_a_split_is_told_from_slices_that_only_look_like_one() -> None:
    for text in (
        "CONCAT[SLICE(0,2) -> RELU | SLICE(2,4) -> TANH]",
        "CONCAT[SLICE(0,2) | SLICE(2,4)]",
        "CONCAT[SLICE(2,4) | SLICE(0,2)]",
        "CONCAT[SLICE(0,2) | ID]",
        "CONCAT[SLICE(0,1) | SLICE(1,4)]",
        "SPLIT[CONCAT[ID | ID] | SPLIT[ID | RELU]]",
    ):
        network = net(f"INPUT(8x8x4) -> {text}")
        assert net(text_of(network)) == network


def test_paths_that_cross_cannot_be_text_but_can_be_json() -> None:
    shape = (4, 4, 2)
    relu = [Node(name, ReLU(), (source,), shape) for name, source in (("a", "input"), ("b", "a"), ("c", "a"))]
    first = Node("add1", Add(), ("b", "input"), shape)
    network = Network((Node("input", Input(shape), (), shape), *relu, first, Node("add2", Add(), ("add1", "c"), shape)))
    with pytest.raises(NetworkError) as caught:
        network_program(network)
    assert "cannot be written as nested branches" in str(caught.value)
    assert network_from_json(network_json(network)) == network


def test_a_layer_that_leads_nowhere_cannot_be_text() -> None:
    shape = (4, 4, 2)
    dead, out = (Node(name, ReLU(), ("input",), shape) for name in ("dead", "out"))
    network = Network((Node("input", Input(shape), (), shape), dead, out))
    with pytest.raises(NetworkError, match="dead: a layer leads nowhere; expected a path to the last layer"):
        network_program(network)


def test_a_merge_with_a_name_of_its_own_cannot_be_text() -> None:
    shape = (4, 4, 2)
    network = Network((Node("input", Input(shape), (), shape), Node("sum", Add(), ("input", "input"), shape)))
    with pytest.raises(NetworkError, match="sum: the notation gives a merge no name of its own"):
        network_program(network)


@pytest.mark.parametrize("name", ["a b", "a.b", "1x", "", " a", "a#b", "Depth", "depth", "3x3", "a\nb"])
def test_a_name_that_does_not_read_back_cannot_be_text(name: str) -> None:
    network = Network((Node("input", Input((4,)), (), (4,)), Node(name, ReLU(), ("input",), (4,))))
    with pytest.raises(NetworkError, match=f"^{re.escape(repr(name))}: the notation cannot say this name; expected"):
        network_program(network)
    assert network_from_json(network_json(network)) == network


@pytest.mark.parametrize("name", ["x", "same", "conv7", "let", "_", "größe", "yes"])
def test_any_word_is_a_name(name: str) -> None:
    network = Network((Node("input", Input((4,)), (), (4,)), Node(name, ReLU(), ("input",), (4,))))
    assert net(text_of(network)) == network


# --- JSON ---


def test_json_is_plain_and_versioned() -> None:
    value = network_json(net("INPUT(8x8x2) -> CONV(4, P=1) -> RELU"))
    assert value["schema"] == "tatami.network/1"
    assert value["nodes"][1] == {
        "name": "conv1",
        "type": "CONV",
        "attributes": {
            "filters": 4,
            "kernel_size": [3, 3],
            "stride": [1, 1],
            "padding": [[1, 1], [1, 1]],
            "dilation": [1, 1],
            "groups": 1,
            "bias": True,
        },
        "inputs": ["input"],
    }


INPUT_JSON = {"name": "input", "type": "INPUT", "attributes": {"shape": [8, 8, 2]}, "inputs": []}


def _node(**more: Any) -> dict[str, Any]:
    return {"name": "a", "type": "RELU", "attributes": {}, "inputs": ["input"], **more}


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("RELU", r"nodes\[1\]: an incomplete node; expected name, type, attributes, inputs"),
        ({"name": "a"}, r"nodes\[1\]: an incomplete node"),
        (_node(type="RELLU"), r"nodes\[1\]: unknown layer RELLU \(hint: did you mean RELU\?\)"),
        (_node(inputs=["b"]), r"nodes\[1\]: a layer's input does not come before it; got b"),
        (_node(inputs=[["input"]]), r"nodes\[1\]"),
        (_node(inputs=7), r"nodes\[1\]"),
        (_node(inputs="input"), r"nodes\[1\]"),
        (_node(inputs=[]), r"wrong number of inputs"),
        (_node(type="ADD", inputs=[]), r"too few inputs"),
        (_node(attributes=[1]), r"nodes\[1\]"),
        (_node(attributes={"slope": 1}), r"nodes\[1\]: RELU has no attribute slope"),
        (_node(type="CONV", attributes={"filters": 0}), r"nodes\[1\]: filters cannot be this; got 0"),
        (_node(type="CONV", attributes={"filters": 4}), r"nodes\[1\]: CONV lacks attributes"),
        (_node(type="FC", attributes={"units": "many"}), r"nodes\[1\]: units cannot be this; got many"),
        (_node(type="FC", attributes={"units": 3, "bias": 3}), r"nodes\[1\]: bias cannot be this; got 3"),
        (_node(name="input"), r"two layers have one name"),
        (
            _node(type="CONV", attributes={"filters": 4, "kernel_size": [3], "stride": [1, 1]}),
            r"sizes for different numbers of axes",
        ),
        (_node(type="FC", attributes={"units": 10**7}), r"nodes\[1\]: units is too large; got 10000000"),
        (_node(type="FC", attributes={"units": True}), r"nodes\[1\]: units cannot be this; got True"),
        (
            _node(type="CONV", attributes={"filters": 4, "kernel_size": [3], "stride": [1]}),
            r"nodes\[1\]: the window has",
        ),
        (_node(type="INPUT", attributes={"shape": []}, inputs=[]), r"nodes\[1\]: shape cannot be this"),
    ],
)
def test_json_that_is_no_network(node: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network_from_json({"schema": "tatami.network/1", "nodes": [INPUT_JSON, node]})


@pytest.mark.parametrize(
    "value", [None, [], {}, {"schema": "tatami.network/2", "nodes": []}, {"schema": "tatami.network/1"}]
)
def test_json_of_something_else(value: dict[str, Any]) -> None:
    with pytest.raises(NetworkError, match="not a network in JSON"):
        network_from_json(value)


# --- .net files, and NET as people give it ---


def test_a_net_file_keeps_sizes_in_its_head(tmp_path: Path) -> None:
    program = parse("INPUT -> CONV -> FC")
    path = tmp_path / "mine.net"
    path.write_text(print_netfile(program, "Mine", (8, 8, 1), 3), encoding="utf-8")
    assert path.read_text(encoding="utf-8").splitlines() == [
        "# title: Mine", "# input: 8x8x1", "# classes: 3", "INPUT -> CONV -> FC",
    ]  # fmt: skip
    entry = read_netfile(path)
    assert (entry.name, entry.title, entry.input_shape, entry.classes) == ("mine", "Mine", (8, 8, 1), 3)
    network = find_network(str(path)).build()
    assert (network.input_shape, network.output_shape) == ((8, 8, 1), (3,))
    assert "classes" not in print_netfile(program, "Mine", (8, 8, 1), None)


def test_sizes_from_outside_come_before_the_text_and_the_text_before_the_head() -> None:
    source = source_of_text("# input: 9x9x1\n# classes: 4\nINPUT(7x7x1) -> FC")
    assert source.has_shape
    assert source.build().input_shape == (7, 7, 1)
    assert source.build((5, 5, 1), 2).input_shape == (5, 5, 1)
    assert source.build((5, 5, 1), 2).output_shape == (2,)
    source = source_of_text("# input: 9x9x1\n# classes: 4\nINPUT(name=image) -> FC")
    assert not source.has_shape
    assert source.build().input_shape == (9, 9, 1)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("# input: 8x8x", "n.net: unreadable input; got 8x8x; expected # input: 32x32x3"),
        ("# input: 0x8x1", "n.net: unreadable input; got 0x8x1; expected # input: 32x32x3"),
        ("# classes: many", "n.net: unreadable classes; got many; expected # classes: 10"),
        ("# classes: 0", "n.net: unreadable classes; got 0; expected # classes: 10"),
        ("# input: 1x1x1x1x1", "n.net: wrong number of axes; got 5"),
        ("# input: 2000000x1", "n.net: impossible input size; got (2000000, 1); expected sizes from 1 to 1,000,000"),
        ("# classes: 2000000", "n.net: units is too large; got 2000000; expected at most 1,000,000"),
        (f"# classes: {'9' * 5000}", "unreadable classes"),
        (f"# input: 8x{'9' * 5000}", "unreadable input"),
    ],
)
def test_heads_that_cannot_be_read(head: str, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        parse_netfile("n", f"{head}\nINPUT -> FC")
    assert message in str(caught.value)


def test_net_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match=r"none.net: cannot be read; got No such file or directory"):
        find_network(str(tmp_path / "none.net"))
    path = tmp_path / "bad.net"
    path.write_bytes(b"INPUT \xff")
    with pytest.raises(NetworkError, match=r"bad.net: not UTF-8 text"):
        find_network(str(path))
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(NetworkError, match=r"bad.net: too large for a network; expected at most 1,000,000 bytes"):
        find_network(str(path))


def test_a_network_is_found_by_zoo_name_by_file_and_by_text() -> None:
    assert find_network("LeNet-5").name == "lenet5"
    source = find_network("INPUT(8x8x1) -> CONV(w) -> FC(2)", {"w": parse_value("5")})
    assert source.name == "network"
    assert isinstance(source.build()["conv1"].layer, Conv)
    with pytest.raises(OptionError) as caught:
        find_network("resnett50")
    assert str(caught.value).endswith("(hint: did you mean resnet50?)")
    with pytest.raises(OptionError, match="`tatami zoo` lists the names"):
        find_network("nothing like it")


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ("./vgg16", "no such file; got ./vgg16"),
        ("d/my.txt", "no such file; got d/my.txt"),
        ("d\\vgg", "no such file; got d\\vgg"),
        ("vgg16.nett", "no such file; got vgg16.nett"),
        ("/" * 100_000, "no such file; got ////"),
        ("vgg1", "no such network; got vgg1"),
    ],
)  # fmt: skip
def test_what_looks_like_a_path_is_one(net: str, message: str) -> None:
    with pytest.raises(OptionError) as caught:
        find_network(net)
    assert str(caught.value).startswith(message)
    assert "a zoo name, or a .net file" in str(caught.value)
    if "vgg" in net:
        assert "did you mean vgg" in str(caught.value)


def test_a_file_that_is_no_net_file(tmp_path: Path) -> None:
    (tmp_path / "my.txt").write_text("INPUT(8x8x1) -> FC(2)", encoding="utf-8")
    with pytest.raises(OptionError, match=r"not a .net file; got"):
        find_network(str(tmp_path / "my.txt"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("INPUT(8x8x1) ->\nCONV(3", "line 2:7: "),
        ("INPUT(8x8x1) ->\n CONVV(3)", "line 2:2: unknown layer CONVV"),
        ("INPUT(8x8x1) -> [CONV]*N", "line 1:1: this is a family"),
        ("INPUT(8x8x1) -> [FC(1000000)]*2", "fc2: too many parameters"),
    ],
)
def test_an_error_in_a_file_names_the_file(tmp_path: Path, text: str, place: str) -> None:
    path = tmp_path / "mine.net"
    path.write_text(text, encoding="utf-8")
    with pytest.raises((NotationError, NetworkError)) as caught:
        find_network(str(path)).build()
    assert str(caught.value).startswith(f"{path}, {place}")
    if isinstance(caught.value, NotationError):
        assert caught.value.excerpt().splitlines()[0] == text.splitlines()[caught.value.line - 1]


def test_an_error_in_the_zoo_names_the_entry() -> None:
    with pytest.raises(NotationError, match=r"^vgg16.net, line \d+:\d+: a window of 2 does not fit"):
        find_network("VGG-16").build((5, 5, 3))
    with pytest.raises(OptionError, match=r"^input: impossible input size; got \(5, 0\); expected"):
        find_network("VGG-16").build((5, 0))


# --- the Python name ---


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"net": None}, "net: not a network; got None; expected a text"),
        ({"net": Path("a.net")}, "net: not a network; got "),
        ({"classes": -3}, "classes: impossible number of classes; got -3"),
        ({"classes": True}, "classes: impossible number of classes; got True"),
        ({"fit": "eror"}, "fit: unknown fit; got 'eror'; expected crop or error"),
        ({"input": 8}, "input: impossible input size; got 8; expected a tuple"),
        ({"input": "8x8x3"}, "input: impossible input size; got '8x8x3'; expected a tuple"),
        ({"input": (8, 8, "a")}, "input: impossible input size; got (8, 8, 'a')"),
        ({"input": [8, 8.5, 3]}, "input: impossible input size; got (8, 8.5, 3)"),
        ({"input": (8, True, 3)}, "input: impossible input size; got (8, True, 3)"),
        ({"M": 1.5}, "M: cannot be bound to this; got 1.5; expected whole numbers"),
        ({"M": None}, "M: cannot be bound to this; got None"),
        ({"M": "2"}, "M: cannot be bound to this; got '2'"),
        ({"M": []}, "M: cannot be bound to this; got []"),
        ({"M": [1, True]}, "M: cannot be bound to this; got [1, True]"),
        ({"M": -1}, "M: cannot be bound to this; got -1"),
        ({"M": 10**12}, "M: cannot be bound to this; got 1000000000000"),
        ({"M": 10**5000}, "M: cannot be bound to this; got a number of thousands of digits"),
        ({"N": 1}, "the network has no free name N"),
    ],
)
def test_arguments_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        tatami.Network(**{"net": "INPUT(8x8x3) -> [CONV]*M -> FC", "M": 1, "classes": 2, **given})
    assert str(caught.value).startswith(message)


def test_whole_numbers_of_other_libraries_and_lists() -> None:
    text = "INPUT -> [CONV]*M -> FC"
    expected = net("INPUT(8x8x3) -> CONV -> CONV -> FC(5)")
    sizes = np.array([8, 8, 3, 2, 5])
    assert tatami.Network(text, input=list(sizes[:3]), M=sizes[3], classes=sizes[4]) == expected
    lists = tatami.Network("INPUT(8x8x3) -> [CONV(K) -> POOL?]*2 -> FC(5)", K=(4, 6), POOL=False)
    assert lists == net("INPUT(8x8x3) -> CONV(4) -> CONV(6) -> FC(5)")
