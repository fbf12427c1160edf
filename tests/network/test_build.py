"""Text -> Network: defaults, names, branches, arguments, and what each mistake says."""

import re

import pytest

from tatami.errors import NetworkError, NotationError, OptionError
from tatami.network import Network, build
from tatami.network.layers import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Input,
    LeakyReLU,
    LocalResponseNorm,
    Multiply,
    Pool,
    Shape,
    Slice,
)
from tatami.network.layers.base import LAYERS, Layer
from tatami.notation import parse


def net(text: str, input_shape: Shape | None = None, classes: int | None = None, **more: object) -> Network:
    return build(parse(text), input_shape=input_shape, classes=classes, **more)  # type: ignore[arg-type]


def refusal(text: str, **more: object) -> NotationError:
    with pytest.raises(NotationError) as caught:
        net(text, **more)  # type: ignore[arg-type]
    return caught.value


def layer(text: str, before: str = "INPUT(16x16x8)") -> Layer:
    return net(f"{before} -> {text}").nodes[-1].layer


# --- defaults ---


def test_bare_layers() -> None:
    network = net("INPUT -> [[CONV -> RELU]*2 -> POOL]*3 -> FC -> RELU -> FC", (32, 32, 3), 10)
    convs = [node.layer for node in network if isinstance(node.layer, Conv)]
    assert [conv.filters for conv in convs] == [32, 32, 64, 64, 128, 128]
    assert convs[0] == Conv(32, (3, 3), (1, 1), "same", (1, 1))
    assert network["pool1"].layer == Pool((2, 2), (2, 2), "valid", "max")
    assert [node.layer for node in network if isinstance(node.layer, Dense)] == [Dense(128), Dense(10)]
    assert network.output_shape == (10,)


def test_bare_layers_have_as_many_axes_as_the_input() -> None:
    for shape in ((20, 3), (20, 20, 3), (8, 8, 8, 3)):
        axes = len(shape) - 1
        network = net("INPUT -> CONV -> POOL -> FC(2)", shape)
        assert network["conv1"].layer == Conv(32, (3,) * axes, (1,) * axes, "same", (1,) * axes)
        assert network["pool1"].layer == Pool((2,) * axes, (2,) * axes)


def test_doubling_counts_the_pools_on_the_way() -> None:
    network = net("INPUT(16x16x3) -> CONCAT[POOL -> CONV | POOL(3,S=2,P=1) -> POOL(1) -> CONV] -> CONV -> GAP -> FC(2)")
    assert [n.layer.filters for n in network if isinstance(n.layer, Conv)] == [64, 128, 128]


def test_a_window_of_pool_is_also_its_stride() -> None:
    assert layer("POOL(3)") == Pool((3, 3), (3, 3))
    assert layer("POOL(3x2)") == Pool((3, 2), (3, 2))
    assert layer("POOL(3, S=1)") == Pool((3, 3), (1, 1))


def test_the_shape_given_replaces_that_of_input() -> None:
    assert net("INPUT(32x32x3) -> CONV(4)", (28, 28, 1)).input_shape == (28, 28, 1)


def test_two_sizes_are_a_signal_with_its_depth_and_one_is_a_vector() -> None:
    assert net("INPUT(28x28) -> CONV(4)").output_shape == (28, 4)
    assert net("INPUT(784) -> FC(10)").output_shape == (10,)
    assert net("INPUT(5x5x1)").output_shape == (5, 5, 1)


# --- the last FC ---


def test_the_last_bare_fc_takes_the_classes_even_before_softmax() -> None:
    for text in ("INPUT(4x4x1) -> FC", "INPUT(4x4x1) -> FC -> SOFTMAX", "INPUT(4x4x1) -> FC(bias=yes)"):
        assert net(text, classes=7).output_shape == (7,)


def test_an_fc_with_a_size_or_followed_by_others_keeps_it() -> None:
    assert net("INPUT(4x4x1) -> FC(3)", classes=7).output_shape == (3,)
    assert net("INPUT(4x4x1) -> FC -> RELU", classes=7).output_shape == (128,)
    assert net("INPUT(4x4x1) -> CONV(3)", classes=7).output_shape == (4, 4, 3)


def test_a_bare_last_fc_without_classes() -> None:
    assert str(refusal("INPUT(4x4x1) -> FC -> RELU -> FC")) == (
        "line 1:31: the last FC takes its size from the classes, and there are none; expected FC(10) "
        "(hint: --classes 10 gives it from outside; training takes it from the data)"
    )


# --- CONV before BN ---


def biases(text: str) -> list[bool]:
    return [node.layer.bias for node in net(text) if isinstance(node.layer, Conv)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONV(8) -> BN", [False]),
        ("CONV(8) -> bn -> CONV(8)", [False, True]),
        ("DWCONV(3) -> BN", [False]),
        ("CONV(8, bias=yes) -> BN", [True]),
        ("CONV(8, bias=no) -> RELU", [False]),
        ("CONV(8) -> RELU -> BN", [True]),
        ("CONV(8) -> BN -> BN", [False]),
        ("[CONV(8)]*2 -> [BN]*2", [True, False]),
        ("CONV(8) -> RELU*0 -> BN", [False]),
        # the BN of another path, or behind a merge, is not right behind it
        ("CONV(8) -> RES[BN]", [True]),
        ("CONV(8) -> SPLIT[BN | ID]", [True]),
        ("RES[CONV(8)] -> BN", [True]),
        ("CONCAT[CONV(8) | CONV(8) -> BN] -> BN", [True, False]),
        ("CONV(8) -> ID -> BN", [False]),
    ],
)
def test_a_conv_right_before_bn_has_no_bias_unless_told(text: str, expected: list[bool]) -> None:
    assert biases(f"INPUT(8x8x8) -> {text}") == expected


# --- branches ---


def test_res_adds_its_input_back() -> None:
    network = net("INPUT(8x8x4) -> RES[CONV(4) -> RELU]")
    assert network["add1"].inputs == ("relu1", "input")
    assert len(network) == 4


@pytest.mark.parametrize(
    ("body", "projection"),
    [
        ("CONV(8)", [Conv(8, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))]),
        ("CONV(8, S=2)", [Conv(8, (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1))]),
        ("CONV(4, S=2) -> BN", [Conv(4, (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1), bias=False), BatchNorm()]),
        ("CONV(8, S=2x1) -> POOL(1x2)", [Conv(8, (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1))]),
        ("POOL(3, S=2, P=1) -> CONV(5, S=2)", [Conv(5, (1, 1), (4, 4), ((0, 0), (0, 0)), (1, 1))]),
        ("CONCAT[CONV(3, S=2) | CONV(3, S=2)]", [Conv(6, (1, 1), (2, 2), ((0, 0), (0, 0)), (1, 1))]),
    ],
)
def test_res_projects_its_input_when_the_body_changes_the_shape(body: str, projection: list[Layer]) -> None:
    network = net(f"INPUT(16x16x4) -> RES[{body}]")
    last = len(network) - 1
    assert [node.layer for node in network.nodes[last - len(projection) : last]] == projection
    assert network.nodes[last - len(projection)].inputs == ("input",)
    assert network.nodes[-1].inputs[1] == network.nodes[-2].name
    assert isinstance(network.nodes[-1].layer, Add)


def test_a_projection_of_a_signal_and_of_a_volume() -> None:
    assert net("INPUT(16x4) -> RES[CONV(8, S=2)]").output_shape == (8, 8)
    assert net("INPUT(8x8x8x4) -> RES[CONV(8, S=2)]").output_shape == (4, 4, 4, 8)


def test_res_with_a_shortcut_of_its_own() -> None:
    network = net("INPUT(16x16x4) -> RES[CONV(8, S=2) | POOL -> CONV(8, 1)]")
    assert network["add1"].inputs == ("conv1", "conv2")
    assert network["conv2"].inputs == ("pool1",)


def test_add_mul_concat_and_split() -> None:
    network = net("INPUT(8x8x4) -> ADD[ID | CONV(4) | RELU]")
    assert (network.nodes[-1].layer, network.nodes[-1].inputs) == (Add(), ("input", "conv1", "relu1"))
    network = net("INPUT(8x8x4) -> MUL[ID | GAP -> FC(2) -> RELU -> FC(depth*2) -> SIGMOID]")
    assert (network.nodes[-1].layer, network.output_shape) == (Multiply(), (8, 8, 4))
    network = net("INPUT(8x8x4) -> CONCAT[ID | CONV(3) | CONCAT[ID | ID]]")
    assert (network.nodes[-1].layer, network.output_shape) == (Concat(), (8, 8, 15))
    network = net("INPUT(8x8x6) -> SPLIT[ID | CONV(5) | POOL(3,S=1,P=1)]")
    assert [n.layer for n in network if isinstance(n.layer, Slice)] == [Slice(0, 2), Slice(2, 4), Slice(4, 6)]
    assert (network.nodes[-1].inputs, network.output_shape) == (("slice1", "conv1", "pool1"), (8, 8, 9))


def test_id_is_a_path_or_an_item_that_does_nothing() -> None:
    assert len(net("INPUT(8x8x4) -> ID -> RELU -> [ID]*3")) == 2
    assert net("INPUT(8x8x4) -> ADD[ID | ID]").nodes[-1].inputs == ("input", "input")


BRANCHES = [
    ("ADD[ID | CONV(3)]", "branches of different shapes cannot be added; got 8x8x4 and 8x8x3; expected one shape "
     "(hint: RES[body] projects its shortcut by itself; RES[body | shortcut] says how)"),
    ("RES[CONV(3) | ID]", "branches of different shapes cannot be added; got 8x8x3 and 8x8x4; expected one shape "
     "(hint: RES[body] projects its shortcut by itself; RES[body | shortcut] says how)"),
    ("MUL[ID | POOL]", "branches of different shapes cannot be multiplied; got 8x8x4 and 4x4x4; "
     "expected 8x8x4, or a vector of 4"),
    ("CONCAT[ID | POOL]", "branches of different sizes cannot be joined; got 8x8x4 and 4x4x4; "
     "expected one spatial size"),
    ("SPLIT[ID | ID | ID]", "SPLIT shares the depth out equally; got depth 4 for 3 paths; "
     "expected a depth divisible by 3"),
    ("RES[FC(3)]", "RES cannot project its input to the body's shape; got 8x8x4 to 3; "
     "expected maps with as many axes (hint: RES[body | shortcut] says how)"),
    ("FC(4) -> RES[FC(3)]", "RES cannot project its input to the body's shape; got 4 to 3; "
     "expected maps with as many axes (hint: RES[body | shortcut] says how)"),
    ("RES[CONV(4, P=valid)]", "RES cannot project its input to the body's shape; got body 6x6x4, 1x1 projection 8x8x4 "
     "(hint: RES[body | shortcut] says how)"),
    ("RES[ID | ID | ID]", "wrong number of paths in RES; got 3; expected RES[body] or RES[body | shortcut]"),
    ("ADD[ID]", "wrong number of paths in ADD; got 1; expected at least two: ADD[a | b]"),
    ("CONCAT[ID]", "wrong number of paths in CONCAT; got 1; expected at least two: CONCAT[a | b]"),
    ("ADD", "ADD needs branches; expected ADD[a | b]"),
    ("CONCAT(2)", "CONCAT needs branches; expected CONCAT[a | b]"),
    ("CONCTA[ID | ID]", "unknown branches CONCTA[...]; expected RES[...], ADD[...], MUL[...], CONCAT[...], SPLIT[...] "
     "(hint: did you mean CONCAT?)"),
    ("FOO[ID | ID]", "unknown branches FOO[...]; expected RES[...], ADD[...], MUL[...], CONCAT[...], SPLIT[...]"),
    ("ID(3)", "ID takes no arguments"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), BRANCHES, ids=[row[0] for row in BRANCHES])
def test_what_branches_refuse(text: str, message: str) -> None:
    column = 17 + (9 if text.startswith("FC(4) ->") else 0)
    assert str(refusal(f"INPUT(8x8x4) -> {text}")) == f"line 1:{column}: {message}"


# --- fit ---


def test_a_size_that_does_not_fit_is_cropped_or_refused() -> None:
    text = "INPUT(224x224x3) -> CONV(96, 11, S=4, P=valid)"
    assert net(text).output_shape == (54, 54, 96)
    error = refusal(text, fit="error")
    assert str(error) == (
        "line 1:21: the size does not fit; got (224 - 11 + 2*0)/4 + 1 = 54.25; expected a whole number "
        "(hint: P=same, another stride, or fit=crop, where pixel 223 is never seen)"
    )
    assert net(text.replace("224", "227"), fit="error").output_shape == (55, 55, 96)
    assert "(10 - 3 + 2*0)/2 + 1 = 4.5" in str(refusal("INPUT(10x1) -> POOL(3, S=2)", fit="error"))


# --- names ---


def test_names_count_up_by_kind() -> None:
    network = net("INPUT(8x8x4) -> CONV(4) -> RELU -> RES[CONV(4)] -> BN -> RELU -> FC(2)")
    assert [node.name for node in network] == [
        "input", "conv1", "relu1", "conv2", "add1", "bn1", "relu2", "fc1",
    ]  # fmt: skip


def test_names_of_ones_own() -> None:
    network = net("INPUT(8x8x4, name=image) -> CONV(4, name=conv2) -> CONV(4) -> CONV(4) -> RELU(Name=out)")
    assert [node.name for node in network] == ["image", "conv2", "conv1", "conv3", "out"]


def test_a_name_is_given_once() -> None:
    assert str(refusal("INPUT(8x8x4) -> CONV(4, name=a) -> RELU(name=a)")) == (
        "line 1:36: two layers have one name; got a"
    )
    assert str(refusal("INPUT(8x8x4) -> CONV(4, name=a, name=b)")) == "line 1:33: name is given twice"
    assert str(refusal("INPUT(8x8x4) -> CONV(4, name=3)")) == "line 1:25: a layer's name is a word; got 3"


# --- arguments ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CONV(6, 5x3, S=2, P=1, dilation=2, groups=2, bias=no)",
         Conv(6, (5, 3), (2, 2), ((1, 1), (1, 1)), (2, 2), 2, False)),
        ("conv(K=6, kernel=5, STRIDE=2x1, pad=valid)", Conv(6, (5, 5), (2, 1), "valid", (1, 1))),
        ("CONV(out_channels=6, kernel_size=(5,3), padding=(1,2))",
         Conv(6, (5, 3), (1, 1), ((1, 2), (1, 2)), (1, 1))),
        ("CONV(6, P=1x0)", Conv(6, (3, 3), (1, 1), ((1, 1), (0, 0)), (1, 1))),
        ("CONV(6, P=((1,2),(0,3)))", Conv(6, (3, 3), (1, 1), ((1, 2), (0, 3)), (1, 1))),
        ("CONV(3x3)", Conv(32, (3, 3), (1, 1), "same", (1, 1))),
        ("CONV(3x3, 6)", Conv(6, (3, 3), (1, 1), "same", (1, 1))),
        ("CONV(6, bias=FALSE)", Conv(6, (3, 3), (1, 1), "same", (1, 1), bias=False)),
        ("DWCONV(5, S=2)", DepthwiseConv(8, (5, 5), (2, 2), "same", (1, 1), 8)),
        ("DWCONV(multiplier=2)", DepthwiseConv(16, (3, 3), (1, 1), "same", (1, 1), 8)),
        ("POOL(avg, 3)", Pool((3, 3), (3, 3), kind="avg")),
        ("POOL(3, AVG, S=2, P=same, count_pad=yes)", Pool((3, 3), (2, 2), "same", "avg", True)),
        ("FC(10, bias=no)", Dense(10, bias=False)),
        ("FC(out_features=10)", Dense(10)),
        ("DROPOUT", Dropout(0.5)),
        ("DROPOUT(0)", Dropout(0.0)),
        ("DROPOUT(rate=0.25)", Dropout(0.25)),
        ("LEAKY(0.2)", LeakyReLU(0.2)),
        ("LRN(5, alpha=1e-4, beta=0.75, k=1)", LocalResponseNorm(5, 1e-4, 0.75, 1.0)),
        ("BN(eps=1e-3, momentum=0.01)", BatchNorm(1e-3, 0.01)),
        ("SLICE(2, 5)", Slice(2, 5)),
    ],
)  # fmt: skip
def test_arguments(text: str, expected: Layer) -> None:
    assert layer(text) == expected


@pytest.mark.parametrize("keyword", [k for k in LAYERS if k not in {"INPUT", "ADD", "MUL", "CONCAT", "SLICE"}])
def test_every_layer_can_be_written_bare_in_any_case(keyword: str) -> None:
    assert type(net(f"INPUT(16x16x8) -> {keyword.title()}", classes=3).nodes[-1].layer) is LAYERS[keyword]


SIZE = "a size such as 3 or 3x3"
PADDING = "same, valid, a number, sizes such as 1x3, or (before, after)"
WHOLE = "a whole number of at least 1"
ARGUMENTS = [
    ("CONV(0)", 22, f"filters cannot be this; got 0; expected {WHOLE}"),
    ("CONV(-3)", 22, f"filters cannot be this; got -3; expected {WHOLE}"),
    ("CONV(6.5)", 22, f"filters cannot be this; got 6.5; expected {WHOLE}"),
    ("CONV(6, 0)", 25, f"F cannot be this; got 0; expected {SIZE}"),
    ("CONV(6, 3x0)", 25, f"F cannot be this; got 3x0; expected {SIZE}"),
    ("CONV(6, S=0)", 27, f"S cannot be this; got 0; expected {SIZE}"),
    ("CONV(6, S=0.5)", 27, f"S cannot be this; got 0.5; expected {SIZE}"),
    ("CONV(6, dilation=0)", 34, f"dilation cannot be this; got 0; expected {SIZE}"),
    ("CONV(6, groups=no)", 32, f"groups cannot be this; got no; expected {WHOLE}"),
    ("CONV(6, bias=1)", 30, "bias cannot be this; got 1; expected yes or no"),
    ("CONV(6, P=-1)", 27, f"P cannot be this; got -1; expected {PADDING}"),
    ("CONV(6, P=0.5)", 27, f"P cannot be this; got 0.5; expected {PADDING}"),
    ("CONV(6, P=(1,2,3))", 27, f"P cannot be this; got (1, 2, 3); expected {PADDING}"),
    ("CONV(6, P=((1,2),(3,-4)))", 27, f"P cannot be this; got ((1, 2), (3, -4)); expected {PADDING}"),
    ("CONV(6, P=yes)", 27, f"P cannot be this; got yes; expected {PADDING}"),
    ("CONV(6, P=smae)", 27, f"P cannot be this; got smae; expected {PADDING} (hint: did you mean same?)"),
    ("CONV(6, 3, 1)", 28, "CONV takes no more values without a key; got 3 arguments; expected CONV(filters, F) "
     "(hint: did you mean S=1?)"),
    ("CONV(6, same)", 25, f"F cannot be this; got same; expected {SIZE} (hint: did you mean P=same?)"),
    ("CONV(6, filters=7)", 25, "filters is given twice"),
    ("CONV(6, stirde=2)", 25, "CONV has no argument stirde; expected filters, K, out_channels, F, kernel, kernel_size, "
     "S, stride, P, pad, padding, dilation, groups, bias, name (hint: did you mean stride?)"),
    ("CONV(6, colour=2)", 25, "CONV has no argument colour; expected filters, K, out_channels, F, kernel, kernel_size, "
     "S, stride, P, pad, padding, dilation, groups, bias, name"),
    ("POOL(2, 2)", 25, "kind cannot be this; got 2; expected max or avg (hint: did you mean S=2?)"),
    ("POOL(avgg)", 22, f"F cannot be this; got avgg; expected {SIZE}"),
    ("POOL(kind=average)", 27, "kind cannot be this; got average; expected max or avg (hint: did you mean avg?)"),
    ("FC(10, no)", 24, "FC takes no more values without a key; got 2 arguments; expected FC(units) "
     "(hint: did you mean bias=no?)"),
    ("RELU(3)", 22, "RELU takes no values without a key; got 1 arguments; expected RELU"),
    ("RELU(x=3)", 22, "RELU has no argument x; expected name"),
    ("DROPOUT(1)", 25, "rate cannot be this; got 1; expected a rate of at least 0 and under 1"),
    ("DROPOUT(-0.1)", 25, "rate cannot be this; got -0.1; expected a rate of at least 0 and under 1"),
    ("LEAKY(0)", 23, "slope cannot be this; got 0; expected a positive number"),
    ("BN(momentum=2)", 29, "momentum cannot be this; got 2; expected a number between 0 and 1"),
    ("SLICE(-1, 2)", 23, "start cannot be this; got -1; expected a whole number of at least 0"),
    ("CONV(6, 3x3x3)", 17, "the kernel has 3 sizes, but the input has 2 spatial axes; got 3x3x3; "
     "expected one size, or 2"),
    ("CONV(6, S=1x1x1)", 17, "the stride has 3 sizes, but the input has 2 spatial axes; got 1x1x1; "
     "expected one size, or 2"),
    ("CONV(6, P=1x1x1)", 17, "padding for 3 axes, but the input has 2; got P=((1, 1), (1, 1), (1, 1))"),
    ("GAP -> CONV(6)", 24, "CONV needs a map with positions, but its input is a plain vector; got 8 values; "
     "expected an image HxWxC, a signal LxC or a volume DxHxWxC (hint: CONV comes before FC, GAP and FLATTEN)"),
    ("FC(3) -> POOL", 26, "POOL needs a map with positions, but its input is a plain vector; got 3 values; "
     "expected an image HxWxC, a signal LxC or a volume DxHxWxC (hint: POOL comes before FC, GAP and FLATTEN)"),
    ("INPUT(8x8x8)", 17, "INPUT stands only at the beginning"),
    ("[POOL]*4", 18, "a window of 2 does not fit into 1 padded positions; got (1 - 2 + 2*0)/2 + 1 = 0.5; "
     "expected an output of at least 1 (hint: a smaller F, more padding, P=same, or fewer POOL before it)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "message"), ARGUMENTS, ids=[row[0] for row in ARGUMENTS])
def test_what_a_layer_cannot_be_given(text: str, column: int, message: str) -> None:
    error = refusal(f"INPUT(8x8x8) -> {text}")
    assert str(error) == f"line 1:{column}: {message}"
    assert error.excerpt() == f"INPUT(8x8x8) -> {text}\n{' ' * (column - 1)}^"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CNOV", "CONV"), ("Conv2D", "CONV"), ("conv1d", "CONV"), ("Dense", "FC"), ("Linear", "FC"),
        ("MaxPooling2D", "POOL"), ("max_pool2d", "POOL"), ("AvgPool2d", "POOL(avg)"), ("BatchNorm2d", "BN"),
        ("batch_normalization", "BN"), ("GlobalAveragePooling2D", "GAP"), ("LeakyReLU", "LEAKY"), ("swish", "SILU"),
        ("Concatenate", "CONCAT"), ("RELLU", "RELU"), ("DROPUOT", "DROPOUT"), ("stge", "stage"),
    ],
)  # fmt: skip
def test_unknown_layers_get_a_suggestion(name: str, meant: str) -> None:
    error = refusal(f"let stage() = CONV\nINPUT(8x8x8) -> {name}")
    assert str(error) == (
        f"line 2:17: unknown layer {name}; expected a layer such as CONV, RELU, POOL, FC, or a block defined above "
        f"(hint: did you mean {meant}?)"
    )


def test_a_name_like_nothing_gets_none() -> None:
    assert refusal("INPUT(8x8x8) -> ZZZ").hint is None


# --- INPUT ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CONV -> FC(2)", "line 1:1: a network begins with INPUT; expected INPUT(32x32x3) -> ..."),
        ("[INPUT(8x8x1) -> FC(2)]", "line 1:2: a network begins with INPUT; expected INPUT(32x32x3) -> ..."),
        ("INPUT -> FC(2)", "line 1:1: INPUT has no shape; expected INPUT(32x32x3) for images, INPUT(150x1) for signals "
         "(hint: --input 32x32x3 gives it from outside; training takes it from the data)"),
        ("INPUT(32,32,3) -> FC(2)", "line 1:10: INPUT takes no more values without a key; got 3 arguments; "
         "expected INPUT(shape) (hint: sizes are joined by x, as in 32x32x3)"),
        ("INPUT(0x8x1) -> FC(2)", f"line 1:7: shape cannot be this; got 0x8x1; expected {SIZE}"),
        ("INPUT(-8) -> FC(2)", f"line 1:7: shape cannot be this; got -8; expected {SIZE}"),
        ("INPUT(1x2x3x4x5) -> FC(2)", "line 1:1: wrong number of axes; got 5; "
         "expected the depth, with 1, 2 or 3 spatial sizes before it"),
        ("INPUT(2000000x1) -> FC(2)", "line 1:1: impossible input size; got (2000000, 1); "
         "expected sizes from 1 to 1,000,000"),
    ],
)  # fmt: skip
def test_inputs_that_cannot_be(text: str, message: str) -> None:
    assert str(refusal(text)) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input_shape": ()}, "input: wrong number of axes; got 0; "
         "expected the depth, with 1, 2 or 3 spatial sizes before it"),
        ({"input_shape": (0, 1)}, "input: impossible input size; got (0, 1); expected sizes from 1 to 1,000,000"),
        ({"input_shape": (8, "a")}, "input: impossible input size; got (8, 'a'); expected sizes from 1 to 1,000,000"),
        ({"input_shape": 8}, "input: impossible input size; got 8; expected a tuple such as (32, 32, 3)"),
        ({"classes": 0}, "classes: impossible number of classes; got 0; expected a whole number of at least 1"),
        ({"classes": True}, "classes: impossible number of classes; got True; expected a whole number of at least 1"),
        ({"classes": "a"}, "classes: impossible number of classes; got 'a'; expected a whole number of at least 1"),
        ({"classes": 10**12}, "classes: impossible number of classes; got 1000000000000; expected at most 1,000,000"),
        ({"fit": "eror"}, "fit: unknown fit; got 'eror'; expected crop or error"),
        ({"fit": None}, "fit: unknown fit; got None; expected crop or error"),
        ({"fit": []}, "fit: unknown fit; got []; expected crop or error"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(given: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        net("INPUT(8x8x1) -> FC", **given)  # type: ignore[arg-type]
    assert str(caught.value) == message


# --- limits ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[POOL(1)]*15000 -> CONV -> FC(2)", "line 1:36: a bare CONV doubles its filters after each POOL; "
         "got 32*2^15000 filters; expected at most 1,000,000 (hint: CONV(64) says how many)"),
        ("FC(999999999999)", "line 1:17: units is too large; got 999999999999; expected at most 1,000,000"),
        ("CONV(9, 3, S=9999999)", "line 1:17: stride is too large; got (9999999, 9999999); "
         "expected at most 1,000,000"),
        ("DWCONV(multiplier=999999)", "line 1:17: filters is too large; got 7999992; expected at most 1,000,000"),
        ("[CONCAT[ID | ID]]*5000", "line 1:18: joined branches are too deep; got 1048576; expected at most 1,000,000"),
        ("FLATTEN -> [CONCAT[ID | ID]]*5000", "line 1:29: joined branches are too deep; got 1099511627776; "
         "expected at most 1,000,000,000,000"),
    ],
)  # fmt: skip
def test_what_is_too_large(text: str, message: str) -> None:
    assert str(refusal(f"INPUT(8x8x8) -> {text}")) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("INPUT(8x8x8) -> [FC(1000000)]*2", "fc2: too many parameters up to this layer; got 1,000,514,000,000; "
         "expected at most 1,000,000,000,000 in a network"),
        ("INPUT(1000000x1000000x2)", "input: too many values in one map; got 1000000x1000000x2; "
         "expected at most 1,000,000,000,000"),
    ],
)  # fmt: skip
def test_networks_that_are_too_large(text: str, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        net(text)
    assert str(caught.value) == message


# --- the memo ---


def test_the_memos_network() -> None:
    text = "INPUT -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC"
    for n in range(4):
        for m in range(4):
            for k in range(3):
                bound = re.sub("[NMK]\\b", lambda found: str({"N": n, "M": m, "K": k}[found[0]]), text).replace("?", "")  # noqa: B023
                network = net(bound, (32, 32, 3), 10)
                keywords = [node.layer.keyword for node in network.nodes[1:]]
                assert keywords == (["CONV", "RELU"] * n + ["POOL"]) * m + ["FC", "RELU"] * k + ["FC"]
                assert network.output_shape == (10,)
                assert isinstance(network.nodes[0].layer, Input)


def test_the_names_of_layers_whose_keyword_ends_in_a_digit() -> None:
    network = build(parse("INPUT(4x4x1) -> [CONV(2) -> RELU6]*2 -> RELU"))
    assert [node.name for node in network] == ["input", "conv1", "relu6_1", "conv2", "relu6_2", "relu1"]
