"""Comparisons in figures and in words. The words are parsed back and held against the figures of many networks."""

import itertools
import re

import pytest
from rich.console import Console

from tatami.network import find_network
from tatami.plan import make_plan
from tatami.plan.compare import Comparison, compare
from tatami.plan.figures import plan_figures
from tatami.views.compare_table import compare_json, compare_table
from tatami.views.compare_words import compare_words

ONE_7X7 = "INPUT(32x32x3) -> CONV(3, 7, P=0)"
THREE_3X3 = "INPUT(32x32x3) -> [CONV(3, 3, P=0) -> RELU]*3"


def compared(*nets: str, batch: int = 1) -> Comparison:
    figures = [plan_figures(make_plan(find_network(net).build(), batch)) for net in nets]
    return compare([(f"net {i}", each) for i, each in enumerate(figures, start=1)])


def test_the_memos_trade_off() -> None:
    # The memo: 444 against 252 parameters, the same output and field, more expressive, but more memory.
    assert compare_words(compared(ONE_7X7, THREE_3X3)) == (
        "Both networks have the same output 26x26x3 and the same receptive field 7.",
        "net 2 against net 1: 252 parameters, not 444 (43% fewer); 191,160 MACs, not 298,116 (36% fewer); "
        "10,152 activation values, not 5,100 (99% more); 2 layers of depth more; 3 non-linearities more. "
        "A trade-off: it saves parameters and MACs and pays with more activation memory.",
        "A training step of batch 1 takes the least memory in net 1 (36.7 KiB), the most in net 2 (64.1 KiB).",
    )


def test_extremes_and_ratios() -> None:
    comparison = compared("alexnet", "vgg16", "googlenet", "vgg16")
    params = comparison.row("params")
    assert params.values == (61_100_840, 138_357_544, 6_998_552, 138_357_544)
    assert (params.smallest, params.largest) == ({2}, {1, 3})
    assert params.ratios[1] == 138_357_544 / 61_100_840
    assert not compared("vgg16", "vgg16").row("params").differs


def test_equal_networks() -> None:
    assert compare_words(compared("lenet5", "lenet5"))[1:] == ("net 2 against net 1: the same in every figure.",)


def test_cheaper_dearer_and_equal_in_cost() -> None:
    small, large = "INPUT(8x8x3) -> CONV(4)", "INPUT(8x8x3) -> CONV(8)"
    assert "Cheaper than net 1 in parameters, MACs and activation memory." in compare_words(compared(large, small))[-2]
    assert "Dearer than net 1 in parameters, MACs and activation memory." in compare_words(compared(small, large))[-2]
    no_bias = "INPUT(8x8x3) -> CONV(4, bias=no)"
    assert compare_words(compared(small, no_bias))[1] == (
        "net 2 against net 1: 108 parameters, not 112 (4% fewer). "
        "Cheaper than net 1 in parameters, the same in MACs and activation memory."
    )
    with_relu = f"{small} -> RELU"
    assert compare_words(compared(small, with_relu))[1] == (
        "net 2 against net 1: 1 non-linearity more. It costs the same as net 1."
    )


def test_no_parameters_to_compare_with() -> None:
    words = compare_words(compared("INPUT(8x8x3) -> POOL", "INPUT(8x8x3) -> CONV(3, 2, S=2, P=0)"))[1]
    assert "39 parameters, not 0;" in words  # no ratio to nothing


def test_fields_without_a_single_size() -> None:
    words = compare_words(compared("INPUT(9x9x1) -> CONV(1, 3)", "INPUT(9x9x1) -> ADD[CONV(1, 2) | ID]"))
    assert words[0] == "Both networks have the same output 9x9x1."
    assert "a receptive field of no single size, not 3" in words[1]


NETS = (ONE_7X7, THREE_3X3, "lenet5", "alexnet", "vgg16", "resnet18", "resnet50", "googlenet", "resnet1d")


@pytest.mark.parametrize(("first", "second"), [*itertools.permutations(NETS, 2)])
def test_the_words_are_true(first: str, second: str) -> None:
    comparison = compared(first, second)
    a, b = comparison.networks
    (words,) = [sentence for sentence in compare_words(comparison) if sentence.startswith("net 2 against net 1")]
    amounts = {"parameters": (b.params, a.params), "MACs": (b.macs, a.macs)}
    amounts["activation values"] = (b.activation_values, a.activation_values)
    for noun, (ours, theirs) in amounts.items():
        assert (f"{ours:,} {noun}, not {theirs:,}" in words) == (ours != theirs)
    changes = re.findall(r"\((\d+)% (more|fewer)\)", words)
    for (percent, direction), (ours, theirs) in zip(changes, _changed(amounts), strict=True):
        assert int(percent) == round(100 * abs(ours / theirs - 1))
        assert direction == ("more" if ours > theirs else "fewer")
    for noun, difference in (
        ("layers? of depth", b.depth - a.depth),
        ("non-linearit(?:y|ies)", b.nonlinearities - a.nonlinearities),
    ):
        said = re.search(rf"(\d+) {noun} (more|fewer)", words)
        assert (int(said[1]) * (1 if said[2] == "more" else -1) if said else 0) == difference
    less = {noun for noun, (ours, theirs) in amounts.items() if ours < theirs}
    more = {noun for noun, (ours, theirs) in amounts.items() if ours > theirs}
    assert ("A trade-off" in words) == bool(less and more)
    assert ("Cheaper" in words) == bool(less and not more)
    assert ("Dearer" in words) == bool(more and not less)


def _changed(amounts: dict[str, tuple[int, int]]) -> list[tuple[int, int]]:
    """Those whose change is told as a percentage from 1 to 99."""
    changed = []
    for ours, theirs in amounts.values():
        ratio = ours / theirs
        if ratio < 2 and 0 < round(100 * abs(ratio - 1)) < 100:
            changed.append((ours, theirs))
    return changed


def test_the_table_marks_extremes_and_fits_80_columns() -> None:
    console = Console(width=80, record=True)
    with console.capture() as captured:
        console.print(compare_table(compared("alexnet", "vgg16", "resnet50", "googlenet", "lenet5", "resnet18")))
    lines = captured.get().splitlines()
    assert max(map(len, lines)) <= 80
    params = [line.split() for line in lines if line.startswith(" parameters")]
    assert params[0] == ["parameters", "61,100,840", "138M", "▴", "25,557,032", "6,998,552"]
    assert params[1] == ["parameters", "61,100,840", "61,706", "▾", "11,689,512"]
    assert any(line.split() == ["2.26x", "0.418x", "0.115x"] for line in lines)


def test_as_data() -> None:
    data = compare_json(compared(ONE_7X7, THREE_3X3, batch=4))
    assert (data["schema"], data["batch"]) == ("tatami.compare/1", 4)
    assert [network["params"] for network in data["networks"]] == [444, 252]
    assert data["networks"][1]["ratios"]["params"] == 252 / 444
    assert (data["smallest"]["params"], data["largest"]["params"]) == ([1], [0])
    assert data["smallest"]["receptive_field"] == []
    assert len(data["words"]) == 3
