"""Receptive fields against published figures, hand arithmetic, and brute force on the graph of positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import make_plan, receptive_fields


def last_map(net: str) -> tuple[int, int]:
    axis = make_plan(find_network(net).build()).totals.field.axes[0]
    return axis.size, axis.jump


@pytest.mark.parametrize(
    ("net", "size"),
    [
        ("vgg16", 212),
        ("resnet50_paper", 483),
        ("resnet101_paper", 1027),
        ("resnet152_paper", 1507),
        ("resnet50", 427),
        ("resnet101", 971),
        ("resnet152", 1451),
    ],
)
def test_published_fields(net: str, size: int) -> None:
    # Araujo, Norris & Sim 2019, table 1; torchvision's strides by the same formula.
    assert last_map(net) == (size, 32)


def test_alexnet_v2_of_tf_slim() -> None:
    net = (
        "INPUT(224x224x3) -> CONV(64, 11, S=4, P=valid) -> POOL(3, S=2) -> CONV(192, 5) -> POOL(3, S=2)"
        " -> CONV(384) -> CONV(384) -> CONV(256) -> POOL(3, S=2)"
    )
    assert last_map(net) == (195, 32)


def test_three_3x3_see_as_much_as_one_7x7() -> None:
    assert last_map("INPUT(32x32x3) -> [CONV(3, 3, P=0) -> RELU]*3") == (7, 1)
    assert last_map("INPUT(32x32x3) -> CONV(3, 7, P=0)") == (7, 1)


LAYER = st.tuples(
    st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(0, 3), st.integers(1, 2)
)  # F, S, padding before, after, dilation


@given(st.lists(LAYER, min_size=1, max_size=4))
def test_field_by_brute_force(layers: list[tuple[int, int, int, int, int]]) -> None:
    """Follow the first two output positions of a 1-D chain back to the input, window by window."""
    text = " -> ".join(f"CONV(1, {f}, S={s}, P=({b},{a}), dilation={d})" for f, s, b, a, d in layers)
    network = build(parse(f"INPUT(400x1) -> {text}"))
    field = receptive_fields(network)[network.nodes[-1].name].axes[0]

    def seen(position: int) -> set[int]:
        positions = {position}
        for f, s, before, _, d in reversed(layers):
            positions = {p * s - before + i * d for p in positions for i in range(f)}
        return positions

    first, second = seen(0), seen(1)
    assert (min(first), max(first) - min(first) + 1) == (field.start, field.size)
    assert min(second) - min(first) == field.jump


def test_residual_branches_unite() -> None:
    network = build(parse("INPUT(16x16x4) -> RES[CONV(4) -> CONV(4)] -> RELU"))
    assert receptive_fields(network)["relu1"].axes[0].size == 5


def test_strided_residual_stays_aligned() -> None:
    network = build(parse("INPUT(16x16x4) -> RES[CONV(8, 3, S=2, P=1) -> CONV(8)]"))
    axis = receptive_fields(network)["add1"].axes[0]
    assert (axis.size, axis.jump, axis.start) == (7, 2, -3)


@pytest.mark.parametrize(
    "net",
    [
        "INPUT(16x16x4) -> ADD[CONV(4, 2) | ID] -> CONV(4)",  # centres half a pixel apart
        "INPUT(16x16x4) -> CONCAT[CONV(4, 3, S=2, P=same) | POOL] -> RELU",  # same at stride 2 pads behind only
    ],
)
def test_misaligned_branches_are_reported_not_averaged(net: str) -> None:
    plan = make_plan(build(parse(net)))
    merge = next(cost for cost in plan.layers if cost.type in {"ADD", "CONCAT"})
    assert merge.field.axes is None
    assert merge.field.why == "misaligned"
    assert merge.notes == ("branches of different jump or centre meet: no single receptive field from here on",)
    assert plan.totals.field.why == "misaligned"
    assert plan.layers[-1].notes == ()  # said once, where it happens


def test_axes_may_differ() -> None:
    axes = receptive_fields(build(parse("INPUT(16x16x1) -> CONV(1, 1x5, S=1x2)")))["conv1"].axes
    assert [(axis.size, axis.jump) for axis in axes] == [(1, 1), (5, 2)]


def test_a_gate_does_not_blur_the_map() -> None:
    network = build(parse("INPUT(16x16x4) -> CONV(4) -> MUL[ID | GAP -> FC(4) -> SIGMOID]"))
    fields = receptive_fields(network)
    assert fields["mul1"].axes[0].size == 3
    notes = {cost.name: cost.notes for cost in make_plan(network).layers}
    assert notes["mul1"] == ("a gate that sees the whole image: from here on the field is that of the map alone",)
    assert fields["gap1"].why == "whole"
