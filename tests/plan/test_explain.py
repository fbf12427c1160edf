"""The arithmetic shown is true: every left side evaluates to its value, for every layer of the zoo."""

import re

import pytest

from tatami.errors import OptionError
from tatami.network import build, find_network, zoo
from tatami.network.layers import LAYERS, product
from tatami.network.layers.merge import Merge
from tatami.notation import parse
from tatami.plan import make_plan
from tatami.plan.arithmetic import rule
from tatami.plan.explain import Explanation, explain_all, explain_layer, explain_memory, layer_steps


def explained(net: str, name: str) -> Explanation:
    network = find_network(net).build()
    return explain_layer(network, make_plan(network), name)


ODD = (
    "INPUT(33x20x4) -> CONV(8, 3, S=2, dilation=2, groups=2, bias=no) -> BN -> RES[RELU -> CONV(8)] -> DWCONV(2)"
    " -> POOL(3, S=2) -> LN -> CONV(2, 4x3, P=(1, 0)) -> LRN -> DROPOUT -> FC(7, bias=no) -> FC(3)"
)


@pytest.mark.parametrize("net", [*zoo.names(), ODD])
def test_every_line_of_arithmetic_is_true(net: str) -> None:
    network = find_network(net).build()
    plan = make_plan(network)
    for node, cost in zip(network, plan.layers, strict=True):
        steps = {step.what: step for step in layer_steps(node, network.input_shapes(node), cost)}
        assert all(eval(step.left) == step.value for step in steps.values()), steps
        assert steps["parameters"].value == cost.params
        assert steps["activation values"].value == cost.activation_values
        assert (steps["MACs"].value if "MACs" in steps else 0) == cost.macs
        assert (steps["kept statistics"].value if "kept statistics" in steps else 0) == cost.buffers
    for explanation in explain_all(network, plan):
        for what, line in explanation.lines:
            if what == "receptive field":
                assert all(eval(left) == int(right) for left, right in re.findall(r"([\d+*()\- ]+) = (\d+)", line))


def test_vgg16s_second_convolution() -> None:
    explanation = explained("vgg16", "conv2")
    lines = [f"{what}: {line}" for what, line in explanation.lines]
    assert lines == [
        "output: P=same: ceil(224/1) = 224; total padding max((224 - 1)*1 + 3 - 224, 0) = 2: 1 before, 1 after",
        "output: (224 - 3 + 2*1)/1 + 1 = 224",
        "parameters: (3*3*64 + 1)*64 = 36,928",
        "MACs: (224*224*64) * (3*3*64) = 1,849,688,064, outputs times weights that feed each",
        "activation values: 224*224*64 = 3,211,264",
        "receptive field: 3 + (3 - 1)*1 = 5; jump 1*1 = 1",
    ]


def test_the_first_layer_of_alexnet() -> None:
    lines = dict(explained("INPUT(227x227x3) -> CONV(96, 11, S=4, P=0)", "conv1").lines)
    assert lines["output"] == "(227 - 11 + 2*0)/4 + 1 = 55"
    assert lines["parameters"] == "(11*11*3 + 1)*96 = 34,944"


def test_a_size_that_does_not_fit() -> None:
    explanation = explained("INPUT(224x224x3) -> CONV(96, 11, S=4, P=0)", "conv1")
    assert dict(explanation.lines)["output"] == "(224 - 11 + 2*0)/4 + 1 = 54.25, rounded down to 54"
    assert explanation.notes == ("(224 - 11 + 2*0)/4 + 1 = 54.25 is rounded down: pixel 223 is never seen",)


def test_axes_that_differ_are_shown_apart() -> None:
    lines = explained("INPUT(9x8x1) -> CONV(1, 3x5, P=0)", "conv1").lines
    assert ("output height", "(9 - 3 + 2*0)/1 + 1 = 7") in lines
    assert ("output width", "(8 - 5 + 2*0)/1 + 1 = 4") in lines
    assert ("receptive field", "width: 1 + (5 - 1)*1 = 5; jump 1*1 = 1") in lines


def test_what_works_in_place_takes_no_values() -> None:
    lines = dict(explained("vgg16", "relu1").lines)
    assert lines["activation values"] == "0, it works in place on the 3,211,264 values of its input"


def test_branches() -> None:
    net = "INPUT(9x9x1) -> ADD[CONV(1, 2) | ID]"
    assert ("receptive field", "no single one: branches of different jump or centre have met") in (
        explained(net, "add1").lines
    )
    assert ("receptive field", "3, the largest of 2 branches; jump 1") in (
        explained("INPUT(9x9x1) -> ADD[CONV(1, 3) | ID]", "add1").lines
    )


def test_same_is_not_half_the_field_rounded_up() -> None:
    (erratum,) = explained("INPUT(32x32x3) -> CONV(8, 3)", "conv1").errata
    assert erratum == (
        '"TensorFlow\'s same is P = ceil(F/2)" (the study memo behind tatami) does not follow. ceil(3/2) = 2 on both '
        "sides would give 34 positions, not ceil(32/1) = 32. The exact rule pads 1 before and 1 after."
    )
    assert explained("INPUT(32x32x3) -> CONV(8, 3, P=1)", "conv1").errata == ()


def test_an_erratum_is_told_once_in_a_whole_network() -> None:
    network = find_network("vgg16").build()
    assert [e.name for e in explain_all(network, make_plan(network)) if e.errata] == ["conv1"]


def test_every_layer_type_has_a_rule() -> None:
    for keyword, cls in LAYERS.items():
        text = {"CONV": "CONV(2)", "FC": "FC(2)", "SLICE": "SLICE(0, 1)", "INPUT": "RELU"}.get(keyword, keyword)
        text = f"{keyword}[ID | ID]" if issubclass(cls, Merge) else text
        node = build(parse(f"INPUT(4x4x2) -> {text}")).nodes[-1]
        assert rule(node.layer), keyword


def test_memory_of_vgg16_row_by_row() -> None:
    # CS231n's table of VGGNet.
    network = find_network("vgg16").build()
    memory = explain_memory(network, make_plan(network))
    pools = [802_816, 401_408, 200_704, 100_352, 25_088]
    convolutions = [3_211_264] * 2 + [1_605_632] * 2 + [802_816] * 3 + [401_408] * 3 + [100_352] * 3
    assert sorted(row.values for row in memory.rows) == sorted([150_528, *convolutions, *pools, 4096, 4096, 1000])
    assert memory.values == 15_237_608
    assert memory.apart_values == 15_237_608 + sum(convolutions) == 28_785_128
    assert (memory.weights, memory.params) == (138_344_128, 138_357_544)
    assert str(memory.rows[1]) == "224*224*64 = 3,211,264"
    (erratum,) = memory.errata
    assert '"24M * 4 bytes ~= 93MB / image" (CS231n, ' in erratum
    assert "15,237,608 * 4 bytes = 60,950,432 bytes = 58.1 MiB" in erratum
    assert "28,785,128 = 109.8 MiB" in erratum


def test_other_networks_meet_no_published_memory_figure() -> None:
    network = find_network("lenet5").build()
    memory = explain_memory(network, make_plan(network))
    assert memory.errata == ()
    assert memory.values == sum(product(row.shape) for row in memory.rows if row.values)


def test_no_such_layer() -> None:
    with pytest.raises(OptionError) as caught:
        explained("lenet5", "conv12")
    assert str(caught.value) == (
        "the network has no such layer; got conv12; expected a layer's name, all, or memory (hint: did you mean conv2?)"
    )
