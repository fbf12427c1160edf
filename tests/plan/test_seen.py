"""Which part of the input the last map sees, by hand and by brute force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.network import build, find_network
from tatami.notation import parse
from tatami.plan import make_plan
from tatami.views.numbers import percent


def seen(text: str) -> float:
    return make_plan(find_network(text).build()).seen_fraction


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ("INPUT(32x32x3) -> [CONV(3) -> RELU]*3", 1),
        ("INPUT(10x1) -> CONV(1, 3, S=2, P=0)", 9 / 10),  # windows begin at 0, 2, 4, 6
        ("INPUT(10x10x1) -> CONV(1, 3, S=2, P=0)", 81 / 100),
        ("INPUT(10x1) -> CONV(1, 1, S=3, P=0)", 4 / 10),  # pixels 0, 3, 6, 9
        ("INPUT(12x1) -> CONV(1, 2, S=4, P=0)", 6 / 12),  # 0 1, 4 5, 8 9
        ("INPUT(9x1) -> CONV(1, 3, P=0, dilation=4)", 3 / 9),  # one position: 0, 4, 8
        ("INPUT(12x1) -> CONV(1, 3, P=0, dilation=4)", 1),  # four positions side by side
        ("INPUT(9x1) -> CONV(1, 2, S=3, P=1)", 6 / 9),  # 0, then 2 3, 5 6, and 8; -1 and 9 are padding
        ("INPUT(8x6x1) -> CONV(1, 1x3, S=2x1, P=0)", 4 / 8),  # every other row, every column
        ("INPUT(224x224x3) -> CONV(96, 11, S=4, P=0)", (223 / 224) ** 2),
        # The crop stays a crop: pixel 223 is not seen, although the fields of conv2 reach it.
        ("INPUT(224x224x3) -> CONV(96, 11, S=4, P=0) -> CONV(96, 5)", (223 / 224) ** 2),
        ("INPUT(16x16x4) -> ADD[CONV(4, 2) | ID] -> CONV(4)", 1),  # misaligned branches too
        ("INPUT(8x1) -> ADD[CONV(1, 1, S=2, P=0) | POOL(2)]", 1),
        ("INPUT(8x1) -> RES[CONV(1, 1, S=2, P=0)]", 4 / 8),  # body and shortcut skip the same half
        ("INPUT(8x8x4) -> MUL[CONV(4, 1) | GAP -> FC(4) -> SIGMOID]", 1),
        (
            "INPUT(5x5x1) -> CONV(1, 3, S=3, P=0) -> MUL[ID | GAP -> FC(1) -> SIGMOID]",
            9 / 25,
        ),  # the gate does not count
        ("INPUT(100) -> FC(10)", 1),
        ("INPUT(8x8x3) -> FC(10)", 1),
        ("INPUT(1000000x1) -> CONV(1, 1000000)", 1),
    ],
)
def test_by_hand(net: str, expected: float) -> None:
    assert seen(net) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("net", "expected"), [("vgg16", 1), ("resnet50", 1), ("resnet152", 1), ("alexnet2012", 1), ("efficientnet_b0", 1)]
)
def test_published_networks_see_all(net: str, expected: float) -> None:
    assert seen(net) == expected


def test_alexnet_at_224_loses_the_last_pixels() -> None:
    # The rows that pool3 and pool2 leave out are read by the padded convolutions before them all the same. pool1 leaves
    # out row 53 of conv1: its rows 0 to 52 see 52*4 + 11 = 219 pixels.
    plan = make_plan(find_network("alexnet2012").build((224, 224, 3)))
    assert plan.seen_fraction == 219**2 / 224**2


LAYER = st.tuples(
    st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.integers(0, 3), st.integers(1, 4)
)  # F, S, padding before, after, dilation


@given(st.lists(LAYER, min_size=1, max_size=4), st.integers(40, 100))
def test_by_brute_force(layers: list[tuple[int, int, int, int, int]], length: int) -> None:
    """Follow every position of the last map back, one by one, without what lies outside each map."""
    text = " -> ".join(f"CONV(1, {f}, S={s}, P=({b},{a}), dilation={d})" for f, s, b, a, d in layers)
    lengths = [length]
    for f, s, b, a, d in layers:
        lengths.append((lengths[-1] + b + a - (f - 1) * d - 1) // s + 1)
        if lengths[-1] < 1:
            return
    positions = set(range(lengths[-1]))
    for (f, s, b, _, d), size in zip(reversed(layers), reversed(lengths[:-1]), strict=True):
        positions = {p * s - b + i * d for p in positions for i in range(f)} & set(range(size))
    assert make_plan(build(parse(f"INPUT({length}x1) -> {text}"))).seen_fraction == len(positions) / length


def test_the_table_says_it(tatami) -> None:
    out = tatami("plan", "INPUT(10x10x1) -> CONV(1, 3, S=2, P=0)").out
    assert "receptive field  3 (last map), which sees 81% of the input\n" in out


def test_only_the_whole_is_100_percent() -> None:
    assert [percent(f) for f in (1, 0.99999, 0.5, 0.1234, 0.0001, 0)] == [
        "100%",
        "99.9%",
        "50%",
        "12.3%",
        "<0.1%",
        "0%",
    ]
