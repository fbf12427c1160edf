"""Networks as drawings: what is drawn, that it is inside the picture, and that it is safe to put in a page."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.network import Network, Node, find_network, zoo
from tatami.network.layers import Add, Input, ReLU
from tatami.plan import make_plan
from tatami.views.boxes import LARGEST, size_of
from tatami.views.drawing import network_svg
from tatami.views.outline import Block, Join, Lump, Row, outline

SVG = "{http://www.w3.org/2000/svg}"
CONV = find_network("INPUT(8x8x2) -> CONV(2)").build().nodes[1].layer
NOTATION = [
    "INPUT(32x32x3)",
    "INPUT(7) -> FC(3)",
    "INPUT(16x112x112x3) -> CONV(4) -> POOL -> FC(2)",
    "INPUT(8x8x4) -> RELU -> ADD[ID | RELU | ID] -> RELU",
    "INPUT(8x8x4) -> [ADD[CONCAT[CONV(2) | CONV(2)] | MUL[ID | GAP -> FC(4)]] -> BN]*3 -> FC(2)",
    "INPUT(64x2) -> [CONV(8) -> BN -> RELU -> CONV(16) -> POOL]*3 -> FC(2)",
    "INPUT(8x8x4) -> SPLIT[CONV(2) | ID] -> SHUFFLE -> FLATTEN -> FC(2)",
    "INPUT(8x8x4) -> ADD[" + " -> ".join(f"CONV({n})" for n in range(5, 35)) + " -> CONV(4) | ID]",
]


def draw(net: str | Network) -> ElementTree.Element:
    network = find_network(net).build() if isinstance(net, str) else net
    return ElementTree.fromstring(network_svg(make_plan(network)))


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if element.get("class", "").split(" ")[0] == name]


def blocks_and_joins(row: Row) -> tuple[int, int, int]:
    """Blocks, joins, and the branches that are not the one on the axis."""
    blocks = joins = arcs = 0
    for item in (item for run in row for item in run.items):
        if isinstance(item, Join):
            joins += 1
            inner = [blocks_and_joins(branch) for branch in item.branches]
            blocks, joins, arcs = (
                a + sum(column) for a, column in zip((blocks, joins, arcs), zip(*inner, strict=True), strict=True)
            )
            arcs += len(item.branches) - 1
        else:
            blocks += 1
    return blocks, joins, arcs


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    """The points of a path of straight and bent lines, of a circle, a rectangle or a text."""
    tag, get = element.tag.removeprefix(SVG), lambda name: float(element.get(name, "0"))
    if tag == "rect":
        return [(get("x"), get("y")), (get("x") + get("width"), get("y") + get("height"))]
    if tag == "circle":
        return [(get("cx") - get("r"), get("cy") - get("r")), (get("cx") + get("r"), get("cy") + get("r"))]
    if tag == "text":
        half = 4.0 * len(element.text or "") / (1 if element.get("text-anchor") == "start" else 2)
        before = 0 if element.get("text-anchor") == "start" else half
        return [(get("x") - before, get("y")), (get("x") + half, get("y"))]
    points, x, y = [], 0.0, 0.0
    for letter, rest in re.findall(r"([MHVQlhvz])([-\d. ]*)", element.get("d", "")) if tag == "path" else []:
        n = list(map(float, rest.split()))
        if letter in "MQ":
            x, y = n[-2:]
        elif letter == "l":
            x, y = x + n[0], y + n[1]
        elif letter in "Hh":
            x = n[0] + (x if letter == "h" else 0)
        elif letter in "Vv":
            y = n[0] + (y if letter == "v" else 0)
        points.append((x, y))
    return points


@pytest.mark.parametrize("net", [*zoo.names(), *NOTATION])
def test_everything_is_inside_and_counted(net: str) -> None:
    root = draw(net)
    wide, high = map(float, root.get("viewBox", "").split()[2:])
    points = [point for element in root.iter() for point in corners(element)]
    assert all(-0.6 <= x <= wide + 0.6 and -0.6 <= y <= high + 0.6 for x, y in points)
    row = outline(find_network(net).build())
    blocks, joins, arcs = blocks_and_joins(row)
    assert len(of_class(root, "tn-block")) == blocks
    assert len(of_class(root, "tn-join")) == len(of_class(root, "tn-joined")) == joins
    assert joins <= len(of_class(root, "tn-arc")) <= arcs + joins


@pytest.mark.parametrize(
    ("net", "blocks", "joins", "counts"),
    [
        ("vgg16", 1 + 13 + 5 + 3, 0, []),
        ("resnet152", 3 + 4 * (4 + 3) + 2, 8, ["x2", "x7", "x35", "x2"]),
        ("googlenet", 1 + 3 + 4 + 9 * 7 + 2, 9, []),
        ("fcn", 1 + 3 + 2, 0, []),
        ("lenet5", 1 + 3 + 2 + 2, 0, []),
    ],
)
def test_what_is_drawn(net: str, blocks: int, joins: int, counts: list[str]) -> None:
    root = draw(net)
    assert (len(of_class(root, "tn-block")), len(of_class(root, "tn-join"))) == (blocks, joins)
    assert [text.text for text in of_class(root, "tn-count")] == counts


def test_a_residual_arc_is_above_its_body() -> None:
    root = draw("INPUT(8x8x4) -> ADD[CONV(4) | ID]")
    (arc,) = of_class(root, "tn-arc")
    (body,) = (block for block in of_class(root, "tn-block") if "conv1" in (block[0].text or ""))
    assert min(y for _, y in corners(arc)) < min(y for part in body for _, y in corners(part))


def test_every_block_has_its_figures() -> None:
    root = draw("vgg16")
    titles = [block[0].text or "" for block in of_class(root, "tn-block")]
    assert "conv2: 224x224x64, 36,928 params, 1.85G MACs\nrelu2: 224x224x64" in titles


def test_shapes_are_labelled_where_they_change() -> None:
    words = [text.text for text in draw("INPUT(8x8x3) -> CONV(4) -> CONV(4) -> POOL -> FC(9)").iter(f"{SVG}text")]
    assert words[:6] == ["8x8", "x3", "x4", "4x4", "x4", "9"]


def test_names_are_escaped() -> None:
    nodes = (Node("<in>", Input(shape=(8, 8, 2)), (), (8, 8, 2)), Node('a&"b', CONV, ("<in>",), (8, 8, 2)))
    svg = network_svg(make_plan(Network(nodes)))
    assert "&lt;in&gt;: 8x8x2" in svg
    assert "a&amp;&quot;b: 8x8x2" in svg
    ElementTree.fromstring(svg)


def test_it_asks_for_nothing() -> None:
    svg = network_svg(make_plan(find_network("resnet50").build()))
    assert re.findall(r"https?://[^\"' ]+", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|href|<script|\bon\w+=", svg)


def test_branches_that_share_layers_are_one_lump() -> None:
    conv, shape = CONV, (8, 8, 2)
    names = {"a": ("in",), "b": ("in",), "ab": ("a", "b"), "top": ("ab", "a")}
    layers = {"ab": Add(), "top": Add()}
    nodes = [Node(name, layers.get(name, conv), inputs, shape) for name, inputs in names.items()]
    network = Network((Node("in", Input(shape=shape), (), shape), *nodes, Node("relu", ReLU(), ("top",), shape)))
    runs = outline(network)
    assert [type(run.items[0]) for run in runs] == [Block, Lump]
    assert "5 layers" in [text.text for text in draw(network).iter(f"{SVG}text")]


def test_deep_nesting_and_many_branches_are_lumps() -> None:
    nested = "CONV(4)"
    for _ in range(9):
        nested = f"ADD[{nested} -> CONV(4) | ID]"
    many = " | ".join(["CONV(4)"] * 12)
    for text in (nested, f"CONCAT[{many}]"):
        assert any("layers" in (t.text or "") for t in draw(f"INPUT(8x8x4) -> {text}").iter(f"{SVG}text"))


def test_a_long_chain_is_drawn_in_lines_and_quickly() -> None:
    chain = " -> ".join(f"CONV({4 + i % 7}) -> RELU" for i in range(600))
    wide = float(draw(f"INPUT(32x32x3) -> {chain}").get("viewBox", "").split()[2])
    assert wide <= 961


@given(st.lists(st.integers(1, 4096), min_size=1, max_size=4))
def test_boxes_are_never_larger_than_the_largest(shape: list[int]) -> None:
    size = size_of(tuple(shape), max(shape[:-1], default=1))
    assert 0 < size.high <= LARGEST
    assert 0 < size.right <= LARGEST
    assert 0 < size.up <= LARGEST
    assert 0 < size.thick <= 60


def test_a_notebook_shows_the_drawing_above_the_table() -> None:
    import tatami

    html = tatami.Network("lenet5").plan()._repr_html_()
    assert html.index("</svg>") < html.index("<table>")
