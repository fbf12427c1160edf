"""Each layer's rules against arithmetic by hand: shapes, parameters, MACs, errors."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, is_dataclass

import pytest

from tatami.errors import NetworkError
from tatami.network.layers import (
    LAYERS,
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Input,
    Layer,
    LayerNorm,
    LeakyReLU,
    LocalResponseNorm,
    Multiply,
    Parameter,
    Pool,
    ReLU,
    Scale,
    Shape,
    Shuffle,
    Slice,
    Softmax,
    product,
    size_text,
)


def conv(filters: int, size: int = 3, stride: int = 1, padding: object = "same", axes: int = 2, **more: object) -> Conv:
    return Conv(filters, (size,) * axes, (stride,) * axes, padding, **more)  # type: ignore[arg-type]


def trainable(layer: Layer, *shapes: Shape) -> int:
    return sum(p.size for p in layer.parameters(*shapes).values() if p.trainable)


def test_the_memos_arithmetic_of_one_7x7_against_three_3x3() -> None:
    shape: Shape = (32, 32, 3)
    one = conv(3, 7, padding="valid")
    assert trainable(one, shape) == 444
    assert one.output_shape(shape) == (26, 26, 3)
    three = conv(3, 3, padding="valid")
    total = 0
    for _ in range(3):
        total += trainable(three, shape)
        shape = three.output_shape(shape)
    assert (total, shape) == (252, (26, 26, 3))
    for channels in (1, 8, 64):
        assert trainable(conv(channels, 7, bias=False), (9, 9, channels)) == 49 * channels**2
        assert 3 * trainable(conv(channels, 3, bias=False), (9, 9, channels)) == 27 * channels**2


def test_the_first_layer_of_alexnet() -> None:
    first = conv(96, 11, 4, "valid")
    shape = (227, 227, 3)
    assert first.output_shape(shape) == (55, 55, 96)
    assert trainable(first, shape) == 34_944
    unshared = product(first.output_shape(shape)) * (11 * 11 * 3 + 1)
    assert unshared == 105_705_600
    assert first.macs(shape) == 3025 * 363 * 96


@pytest.mark.parametrize(
    ("layer", "shape", "output", "params", "macs"),
    [
        (conv(8), (5, 7, 3), (5, 7, 8), 27 * 8 + 8, 35 * 27 * 8),
        (conv(8, bias=False), (5, 7, 3), (5, 7, 8), 216, 35 * 216),
        (conv(8, axes=1, padding="valid"), (10, 2), (8, 8), 3 * 2 * 8 + 8, 8 * 48),
        (conv(4, axes=3), (4, 5, 6, 2), (4, 5, 6, 4), 27 * 2 * 4 + 4, 120 * 216),
        (conv(8, 3, 2, ((1, 0), (0, 2))), (8, 8, 4), (4, 4, 8), 9 * 4 * 8 + 8, 16 * 288),
        (conv(8, groups=2), (5, 5, 4), (5, 5, 8), 9 * 2 * 8 + 8, 25 * 144),
        (conv(8, dilation=(2, 2), padding="valid"), (9, 9, 1), (5, 5, 8), 80, 25 * 72),
        (Conv(6, (3, 1), (2, 1), "valid"), (9, 4, 2), (4, 4, 6), 3 * 2 * 6 + 6, 16 * 36),
        (DepthwiseConv(6, (3, 3), (1, 1), groups=6), (4, 4, 6), (4, 4, 6), 9 * 6 + 6, 16 * 54),
        (DepthwiseConv(12, (3, 3), (1, 1), groups=6), (4, 4, 6), (4, 4, 12), 9 * 12 + 12, 16 * 108),
        (Dense(10), (5,), (10,), 60, 50),
        (Dense(10, bias=False), (4, 4, 2), (10,), 320, 320),
        (Pool((2, 2), (2, 2)), (7, 8, 3), (3, 4, 3), 0, 0),
        (Pool((3, 3), (2, 2), "same", "avg"), (7, 8, 3), (4, 4, 3), 0, 0),
        (Pool((3, 3), (2, 2), ((1, 1), (1, 1))), (112, 112, 64), (56, 56, 64), 0, 0),
        (Pool((4,), (3,)), (10, 3), (3, 3), 0, 0),
        (GlobalAveragePool(), (7, 8, 3), (3,), 0, 0),
        (GlobalAveragePool(), (4, 7, 8, 3), (3,), 0, 0),
        (BatchNorm(), (7, 8, 3), (7, 8, 3), 6, 0),
        (BatchNorm(), (9,), (9,), 18, 0),
        (LayerNorm(), (7, 3), (7, 3), 6, 0),
        (LocalResponseNorm(), (7, 7, 3), (7, 7, 3), 0, 0),
        (Dropout(0.3), (7,), (7,), 0, 0),
        (ReLU(), (7, 7, 3), (7, 7, 3), 0, 0),
        (LeakyReLU(0.2), (7,), (7,), 0, 0),
        (Softmax(), (7,), (7,), 0, 0),
        (Flatten(), (3, 4, 5), (60,), 0, 0),
        (Slice(1, 3), (3, 4, 5), (3, 4, 2), 0, 0),
        (Shuffle(2), (3, 4, 6), (3, 4, 6), 0, 0),
    ],
    ids=lambda value: repr(value) if isinstance(value, Layer) else None,
)
def test_output_parameters_and_macs(layer: Layer, shape: Shape, output: Shape, params: int, macs: int) -> None:
    assert layer.output_shape(shape) == output
    assert trainable(layer, shape) == params
    assert layer.macs(shape) == macs


def test_where_branches_meet() -> None:
    a = (4, 4, 8)
    assert Add().output_shape(a, a, a) == a
    assert Multiply().output_shape(a, (8,)) == Multiply().output_shape((8,), a) == a
    assert Multiply().output_shape((8,), (8,)) == (8,)
    assert Concat().output_shape(a, (4, 4, 1), a) == (4, 4, 17)
    assert Concat().output_shape((3,), (4,)) == (7,)


BAD = [
    (
        Add(), [(4, 4, 8), (2, 2, 8)],
        "branches of different shapes cannot be added; got 4x4x8 and 2x2x8; expected one shape "
        "(hint: RES[body] projects its shortcut by itself; RES[body | shortcut] says how)",
    ),
    (
        Multiply(), [(4, 4, 8), (4, 4, 1)],
        "branches of different shapes cannot be multiplied; got 4x4x8 and 4x4x1; expected 4x4x8, or a vector of 8",
    ),
    (
        Multiply(), [(4, 4, 8), (4,)],
        "branches of different shapes cannot be multiplied; got 4x4x8 and 4; expected 4x4x8, or a vector of 8",
    ),
    (
        Concat(), [(4, 4, 8), (4, 8)],
        "branches of different sizes cannot be joined; got 4x4x8 and 4x8; expected one spatial size",
    ),
    (
        conv(8), [(10,)],
        "CONV needs a map with positions, but its input is a plain vector; got 10 values; "
        "expected an image HxWxC, a signal LxC or a volume DxHxWxC (hint: CONV comes before FC, GAP and FLATTEN)",
    ),
    (
        Pool((2, 2), (2, 2)), [(10,)],
        "POOL needs a map with positions, but its input is a plain vector; got 10 values; "
        "expected an image HxWxC, a signal LxC or a volume DxHxWxC (hint: POOL comes before FC, GAP and FLATTEN)",
    ),
    (
        GlobalAveragePool(), [(10,)],
        "GAP needs a map with positions, but its input is a plain vector; got 10 values; "
        "expected an image HxWxC, a signal LxC or a volume DxHxWxC (hint: GAP comes before FC, GAP and FLATTEN)",
    ),
    (
        conv(8, groups=2), [(4, 4, 3)],
        "groups do not divide the input depth; got groups=2, input depth 3; expected a divisor of 3",
    ),
    (
        conv(9, groups=2), [(4, 4, 4)],
        "groups do not divide the number of filters; got groups=2, number of filters 9; expected a divisor of 9",
    ),
    (Shuffle(3), [(4, 4, 8)], "groups do not divide the depth; got groups=3, depth 8; expected a divisor of 8"),
    (
        Slice(2, 9), [(4, 4, 8)],
        "no such channels; got channels 2 to 9 of 8; expected 0 <= start < stop <= depth",
    ),
    (
        Slice(3, 3), [(4, 4, 8)],
        "no such channels; got channels 3 to 3 of 8; expected 0 <= start < stop <= depth",
    ),
    (
        Pool((2, 2), (2, 2), ((2, 0), (0, 0))), [(4, 4, 8)],
        "a pooling window would lie in the padding alone; got F=2, P=(2, 0); expected padding smaller than the window",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shapes", "message"), BAD, ids=lambda v: type(v).__name__)
def test_what_a_layer_refuses(layer: Layer, shapes: list[Shape], message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        layer.output_shape(*shapes)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((), "wrong number of axes; got 0; expected the depth, with 1, 2 or 3 spatial sizes before it"),
        ((1,) * 5, "wrong number of axes; got 5; expected the depth, with 1, 2 or 3 spatial sizes before it"),
        ((3, 0, 1), "impossible input size; got (3, 0, 1); expected sizes from 1 to 1,000,000"),
        ((1_000_001, 1), "impossible input size; got (1000001, 1); expected sizes from 1 to 1,000,000"),
    ],
)
def test_impossible_inputs(shape: Shape, message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        Input(shape)
    assert str(caught.value) == message


def test_fans_follow_he_and_glorot() -> None:
    weight = conv(8, 5, groups=2).parameters((9, 9, 4))["weight"]
    assert (weight.fan_in, weight.fan_out) == (25 * 2, 25 * 4)
    weight = DepthwiseConv(6, (3, 3), (1, 1), groups=6).parameters((4, 4, 6))["weight"]
    assert (weight.shape, weight.fan_in, weight.fan_out) == ((3, 3, 1, 6), 9, 9)
    weight = Dense(10).parameters((4, 4, 2))["weight"]
    assert (weight.shape, weight.fan_in, weight.fan_out) == ((32, 10), 32, 10)


def test_running_statistics_are_kept_but_not_trained() -> None:
    parameters = BatchNorm().parameters((5, 5, 7))
    assert {name: p.trainable for name, p in parameters.items()} == {
        "weight": True,
        "bias": True,
        "running_mean": False,
        "running_var": False,
    }
    assert Parameter((), "bias").size == 1


def test_a_scale_has_one_weight_a_channel_and_says_how_it_starts() -> None:
    assert Scale(1e-6).parameters((5, 4, 3)) == {"weight": Parameter((3,), "scale", start=1e-6)}
    assert Scale().parameters((7,)) == {"weight": Parameter((7,), "scale")}
    assert Scale().output_shape((5, 4, 3)) == (5, 4, 3)
    assert Scale().macs((5, 4, 3)) == 0


def test_depthwise_multiplier() -> None:
    assert DepthwiseConv(12, (3, 3), (1, 1), groups=6).multiplier == 2


def test_what_works_in_place() -> None:
    in_place = {keyword for keyword, cls in LAYERS.items() if cls.in_place}
    assert in_place == {keyword for keyword, cls in LAYERS.items() if issubclass(cls, (Activation, Dropout, Flatten))}
    assert {"RELU", "DROPOUT", "FLATTEN"} <= in_place


@pytest.mark.parametrize("keyword", LAYERS)
def test_layers_are_documented_immutable_data(keyword: str) -> None:
    cls = LAYERS[keyword]
    assert is_dataclass(cls)
    assert cls.keyword == keyword == keyword.upper()
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")  # dataclass writes such a one by itself
    field_names = {name.casefold() for a in cls.arguments for name in (a.field, *a.keys)}
    all_names = [
        name for a in cls.arguments for name in dict.fromkeys((a.field.casefold(), *map(str.casefold, a.keys)))
    ]
    assert len(all_names) == len(field_names), "two arguments share a name"
    with pytest.raises(FrozenInstanceError):
        ReLU().keyword = "X"  # type: ignore[misc]


def test_sizes_as_text() -> None:
    assert (size_text((32, 32, 3)), size_text((7,)), product(())) == ("32x32x3", "7", 1)


# --- attributes, as Python objects give them ---

WHOLE = "expected a whole number of at least 1"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Dense(0), f"Dense: units cannot be this; got 0; {WHOLE}"),
        (lambda: Dense(True), f"Dense: units cannot be this; got True; {WHOLE}"),
        (lambda: Dense("a"), f"Dense: units cannot be this; got 'a'; {WHOLE}"),
        (lambda: Dense(3, bias=1), "Dense: bias cannot be this; got 1; expected True or False"),
        (lambda: Dense(3, bias="no"), "Dense: bias cannot be this; got 'no'; expected True or False"),
        (lambda: Dense(1_000_001), "Dense: units is too large; got 1000001; expected at most 1,000,000"),
        (lambda: Dense(10**5000), "Dense: units is too large; got a number of thousands of digits; "
         "expected at most 1,000,000"),
        (lambda: conv(4.0), f"Conv: filters cannot be this; got 4.0; {WHOLE}"),
        (lambda: conv(4, 3, 0), "Conv: stride cannot be this; got (0, 0); expected a tuple of sizes such as (3, 3)"),
        (lambda: Conv(4, 3, (1,)), "Conv: kernel_size cannot be this; got 3; expected a tuple of sizes such as (3, 3)"),
        (lambda: Conv(4, [3, 3], (1, 1)), "Conv: kernel_size cannot be this; got [3, 3]; "
         "expected a tuple of sizes such as (3, 3)"),
        (lambda: Conv(4, (True, 3), (1, 1)), "Conv: kernel_size cannot be this; got (True, 3); "
         "expected a tuple of sizes such as (3, 3)"),
        (lambda: conv(4, 2_000_000), "Conv: kernel_size is too large; got (2000000, 2000000); "
         "expected at most 1,000,000"),
        (lambda: conv(4, groups=-1), f"Conv: groups cannot be this; got -1; {WHOLE}"),
        (lambda: conv(4, dilation=None), "Conv: dilation cannot be this; got None; "
         "expected a tuple of sizes such as (3, 3)"),
        (lambda: conv(4, padding=1), "Conv: padding cannot be this; got 1; "
         "expected 'same', 'valid', or a pair for each axis such as ((1, 1), (1, 1))"),
        (lambda: conv(4, padding="Same"), "Conv: padding cannot be this; got 'Same'; "
         "expected 'same', 'valid', or a pair for each axis such as ((1, 1), (1, 1))"),
        (lambda: conv(4, padding=((0, 10**7),) * 2), "Conv: padding is too large; "
         "got ((0, 10000000), (0, 10000000)); expected at most 1,000,000"),
        (lambda: Pool((2, 2), (2, 2), kind="mean"), "Pool: kind cannot be this; got 'mean'; expected max or avg"),
        (lambda: DepthwiseConv(0, (3,), (1,)), f"DepthwiseConv: filters cannot be this; got 0; {WHOLE}"),
        (lambda: Slice(-1, 3), "Slice: start cannot be this; got -1; expected a whole number of at least 0"),
        (lambda: Slice(0, 10**13), "Slice: stop is too large; got 10000000000000; expected at most 1,000,000,000,000"),
        (lambda: Shuffle(0), f"Shuffle: groups cannot be this; got 0; {WHOLE}"),
        (lambda: LocalResponseNorm(0), f"LocalResponseNorm: size cannot be this; got 0; {WHOLE}"),
        (lambda: LocalResponseNorm(10**9), "LocalResponseNorm: size is too large; got 1000000000; "
         "expected at most 1,000,000"),
        (lambda: Dropout(1.0), "Dropout: rate cannot be this; got 1.0; expected a rate of at least 0 and under 1"),
        (lambda: Dropout(float("nan")), "Dropout: rate cannot be this; got nan; "
         "expected a rate of at least 0 and under 1"),
        (lambda: Dropout(False), "Dropout: rate cannot be this; got False; expected a rate of at least 0 and under 1"),
        (lambda: BatchNorm(eps=0.0), "BatchNorm: eps cannot be this; got 0.0; expected a positive number"),
        (lambda: BatchNorm(momentum="a"), "BatchNorm: momentum cannot be this; got 'a'; "
         "expected a number between 0 and 1"),
        (lambda: Scale(-1.0), "Scale: init cannot be this; got -1.0; expected a positive number"),
        (lambda: Input([8, 8, 3]), "impossible input size; got [8, 8, 3]; expected a tuple such as (32, 32, 3)"),
        (lambda: Input((8, 8.5, 3)), "impossible input size; got (8, 8.5, 3); expected sizes from 1 to 1,000,000"),
        (lambda: Input((8, True)), "impossible input size; got (8, True); expected sizes from 1 to 1,000,000"),
    ],
)  # fmt: skip
def test_attributes_that_make_no_sense(make: Callable[[], Layer], message: str) -> None:
    with pytest.raises(NetworkError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize("keyword", LAYERS)
def test_every_attribute_has_a_kind(keyword: str) -> None:
    assert list(LAYERS[keyword].kinds) == [field.name for field in fields(LAYERS[keyword])]


def test_a_whole_number_may_stand_for_a_fraction() -> None:
    assert (Dropout(0), Scale(2), LocalResponseNorm(k=1)) == (Dropout(0.0), Scale(2.0), LocalResponseNorm(k=1.0))


def test_joined_branches_have_a_largest_depth() -> None:
    with pytest.raises(NetworkError, match=r"joined branches are too deep; got 1200000; expected at most 1,000,000$"):
        Concat().output_shape((1, 1, 600_000), (1, 1, 600_000))
    assert Concat().output_shape((600_000,), (600_000,)) == (1_200_000,)
    with pytest.raises(NetworkError, match=r"expected at most 1,000,000,000,000$"):
        Concat().output_shape((10**12,), (1,))
