import re
from itertools import pairwise

import pytest

from tatami.errors import OptionError
from tatami.network import Network, Node, build, zoo
from tatami.network.layers import Concat, Conv, Dense, Input, Pool, Slice, product
from tatami.notation import parse, print_text

# Inception v3's auxiliary head, on 768 channels: CONV(128, 1) -> BN, CONV(768, 5) -> BN, FC(1000).
INCEPTION_AUXILIARY = 768 * 128 + 2 * 128 + 25 * 128 * 768 + 2 * 768 + 768 * 1000 + 1000

# Parameters, MACs of convolutions and FC. torchvision's published metadata; the others as noted.
FIGURES = {
    "alexnet": (61_100_840, 714_188_480),
    "alexnet2012": (60_965_224, 724_406_816),
    "googlenet": (6_998_552, 1_582_671_872),
    "lenet5": (61_706, 416_520),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
    "squeezenet1_0": (1_248_424, 818_924_576),
    "squeezenet1_1": (1_235_496, 349_151_936),
    "vgg11": (132_863_336, 7_609_090_048),
    "vgg13": (133_047_848, 11_308_466_176),
    "vgg16": (138_357_544, 15_470_264_320),
    "vgg19": (143_667_240, 19_632_062_464),
    "vgg11_bn": (132_868_840, 7_609_090_048),
    "vgg13_bn": (133_053_736, 11_308_466_176),
    "vgg16_bn": (138_365_992, 15_470_264_320),
    "vgg19_bn": (143_678_248, 19_632_062_464),
    # By hand: fcn, 150 samples, 2 classes: 8*1*128 + 5*128*256 + 3*256*128 weights, 2 a channel for BN, and the FC.
    "fcn": (1024 + 163_840 + 98_304 + 2 * 512 + 258, 150 * 263_168 + 256),
    # By hand: memo, 28x28x1 and 10 classes: CONV 32, 32, 64, 64, FC 128, FC 10.
    "memo": (
        320 + 9248 + 18_496 + 36_928 + 7 * 7 * 64 * 128 + 128 + 1290,
        784 * (288 + 9216) + 196 * (18_432 + 36_864) + 401_408 + 1280,
    ),
}
# By hand, where nobody gives an exact count of parameters and MACs: the layers' weights, and the positions of each.
_UNET_WEIGHTS = [9 * a * b for a, b in pairwise([1, 64, 64, 128, 128, 256, 256, 512, 512, 1024, 1024])]
_UNET_SIDES = [570, 568, 282, 280, 138, 136, 66, 64, 30, 28]
_ALL_CNN_WEIGHTS = [9 * a * b for a, b in pairwise([3, 96, 96, 96, 192, 192, 192, 192])] + [192 * 192, 192 * 10]
_ALL_CNN_SIDES = [32, 32, 16, 16, 16, 8, 6, 6, 6]
_M5_WEIGHTS = [80 * 1 * 128, 3 * 128 * 128, 3 * 128 * 256, 3 * 256 * 512]
_M5_LENGTHS = [8000, 2000, 500, 125]
# Filters 40, 20 and 10 long: on one channel, then on 32 behind a bottleneck; the 1x1 behind the pool; two shortcuts.
_INCEPTIONTIME_WEIGHTS = 32 * (70 + 1) + 5 * (128 * 32 + 70 * 32 * 32 + 128 * 32) + 128 + 128 * 128
FIGURES |= {
    "unet_encoder": (
        sum(_UNET_WEIGHTS) + 2 * (64 + 128 + 256 + 512 + 1024),
        sum(w * side**2 for w, side in zip(_UNET_WEIGHTS, _UNET_SIDES, strict=True)),
    ),
    "all_cnn": (
        sum(_ALL_CNN_WEIGHTS) + 3 * 96 + 5 * 192 + 10,
        sum(w * side**2 for w, side in zip(_ALL_CNN_WEIGHTS, _ALL_CNN_SIDES, strict=True)),
    ),
    "m5": (
        sum(_M5_WEIGHTS) + 2 * (128 + 128 + 256 + 512) + 512 * 10 + 10,
        sum(w * length for w, length in zip(_M5_WEIGHTS, _M5_LENGTHS, strict=True)) + 5120,
    ),
    "inceptiontime": (_INCEPTIONTIME_WEIGHTS + 8 * 2 * 128 + 128 * 2 + 2, 150 * _INCEPTIONTIME_WEIGHTS + 256),
}
# Parameters, and MACs published to three decimals, in units of 1e9: torchvision's metadata; ZFNet by the paper's sizes.
GIGA = {
    "convnext_t": (28_589_128, 4.456),
    "densenet121": (7_978_856, 2.834),
    "densenet169": (14_149_480, 3.360),
    "densenet201": (20_013_928, 4.291),
    "efficientnet_b0": (5_288_548, 0.386),
    "googlenet_bn": (6_624_904, 1.498),
    "inception_v3": (27_161_264 - INCEPTION_AUXILIARY, 5.713),
    "mobilenet_v2": (3_504_872, 0.301),
    "mobilenet_v3_large": (5_483_032, 0.217),
    "mobilenet_v3_small": (2_542_856, 0.057),
    "resnext50": (25_028_904, 4.230),
    "shufflenet_v2": (2_278_604, 0.145),
    "wide_resnet50": (68_883_240, 11.398),
    "zfnet": (62_357_608, 1.168),
}
# Published to three decimals, in units of 1e9 MACs.
GIGA_MACS = {
    "alexnet": 0.714,
    "resnet50_paper": 3.858,
    "resnet101_paper": 7.570,
    "resnet152_paper": 11.282,
}
# The paper's table 6 gives the parameters of its option A, in millions; option B, as here, adds 2,752.
CIFAR_MILLIONS = {"resnet20": 0.27, "resnet56": 0.85, "resnet110": 1.7}


def network_of(name: str) -> Network:
    entry = zoo.read(name)
    return build(parse(entry.text), input_shape=entry.input_shape, classes=entry.classes)


def params(network: Network) -> int:
    return sum(p.size for p in network.parameters().values() if p.trainable)


def macs(network: Network) -> int:
    return sum(node.layer.macs(*network.input_shapes(node)) for node in network)


@pytest.mark.parametrize("name", FIGURES)
def test_parameters_and_macs_are_the_published_ones(name: str) -> None:
    network = network_of(name)
    assert (params(network), macs(network)) == FIGURES[name]


@pytest.mark.parametrize("name", GIGA)
def test_parameters_exactly_and_macs_to_the_published_decimals(name: str) -> None:
    network = network_of(name)
    assert (params(network), round(macs(network) / 1e9, 3)) == GIGA[name]


@pytest.mark.parametrize("name", GIGA_MACS)
def test_macs_to_the_published_decimals(name: str) -> None:
    assert round(macs(network_of(name)) / 1e9, 3) == GIGA_MACS[name]


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_the_place_of_the_stride_changes_no_parameter(depth: int) -> None:
    assert params(network_of(f"resnet{depth}_paper")) == params(network_of(f"resnet{depth}"))


@pytest.mark.parametrize("name", CIFAR_MILLIONS)
def test_cifar_resnets(name: str) -> None:
    network = network_of(name)
    option_a = params(network) - 2752
    digits = len(str(CIFAR_MILLIONS[name]).partition(".")[2])
    assert round(option_a / 1e6, digits) == CIFAR_MILLIONS[name]
    # Depth counts the layers with weights on the main path, not the two projections.
    weighted = sum(isinstance(node.layer, (Conv, Dense)) for node in network) - 2
    assert f"resnet{weighted}" == name


@pytest.mark.parametrize("name", zoo.names())
def test_every_entry_reads_prints_and_builds(name: str) -> None:
    entry = zoo.read(name)
    tree = parse(entry.text)
    assert parse(print_text(tree)) == tree
    network = network_of(name)
    is_bare = print_text(tree).splitlines()[-1].startswith("INPUT ->")
    assert (entry.input_shape is not None) == is_bare
    assert (entry.classes is not None) == print_text(tree).endswith("FC")
    assert isinstance(network.nodes[0].layer, Input)
    assert entry.name == name
    assert entry.title
    assert re.search(r"\b(19|20)\d\d\b|CS231n", entry.source)


@pytest.mark.parametrize("name", zoo.names())
def test_every_entry_is_spelled_as_the_printer_would(name: str) -> None:
    entry = zoo.read(name)
    written = "".join(line for line in entry.text.splitlines() if not line.startswith("#"))
    printed = print_text(parse(entry.text))
    assert re.sub(r"\s", "", written) == re.sub(r"\s", "", printed)
    assert max(map(len, entry.text.splitlines())) <= 160


def test_resnets_have_as_many_layers_as_their_names_say() -> None:
    for depth in (18, 34, 50, 101, 152):
        network = network_of(f"resnet{depth}")
        projections = {18: 3, 34: 3}.get(depth, 4)
        assert sum(isinstance(node.layer, (Conv, Dense)) for node in network) - projections == depth


def test_inception_v3_with_its_auxiliary_head() -> None:
    network = network_of("inception_v3")
    # The head's input, the last 17x17 map, has the 768 channels of its arithmetic; the published MACs leave it out.
    assert [node.shape for node in network if isinstance(node.layer, Concat)][7] == (17, 17, 768)
    assert params(network) == 23_834_568
    assert params(network) + INCEPTION_AUXILIARY == 27_161_264
    head = 5 * 5 * 768 * 128 + 25 * 128 * 768 + 768 * 1000  # on 5x5 positions, then 1x1
    assert round((macs(network) + head) / 1e9, 3) == 5.719


def test_lenet5_of_1998() -> None:
    network = network_of("lenet5_1998")
    weighted = [node for node in network if isinstance(node.layer, (Conv, Dense))]
    assert [node.shape for node in weighted] == [
        (28, 28, 6),
        (14, 14, 6),
        *[(10, 10, 1)] * 16,
        (5, 5, 16),
        (1, 1, 120),
        (84,),
    ]

    def trainable(node: Node) -> int:
        return sum(p.size for p in node.layer.parameters(*network.input_shapes(node)).values())

    c1, s2, *c3, s4, c5, f6 = map(trainable, weighted)
    assert (c1, s2, sum(c3), s4, c5, f6) == (156, 12, 1516, 32, 48_120, 10_164)
    assert params(network) == 60_000
    # Connections: in a subsampling layer four inputs share a weight; the ten output units have 84 fixed ones each.
    connections = [784 * c1, 196 * 6 * 5, 100 * sum(c3), 25 * 16 * 5, c5, f6, 84 * 10]
    assert connections[:4] == [122_304, 5_880, 151_600, 2_000]
    assert sum(connections) == 340_908


def test_which_maps_c3_of_lenet5_sees() -> None:
    """Table 1 of the paper, row by row: which of the 16 maps see map 0, map 1, ... below."""
    network = network_of("lenet5_1998")
    convolutions = [node for node in network if isinstance(node.layer, Conv) and node.shape == (10, 10, 1)]

    def seen(node: Node) -> set[int]:
        if isinstance(node.layer, Slice):
            return set(range(node.layer.start, node.layer.stop))
        return set().union(*(seen(network[name]) for name in node.inputs))

    table = [{i for i, node in enumerate(convolutions) if row in seen(node)} for row in range(6)]
    assert table == [
        {0, 4, 5, 6, 9, 10, 11, 12, 14, 15},
        {0, 1, 5, 6, 7, 10, 11, 12, 13, 15},
        {0, 1, 2, 6, 7, 8, 11, 13, 14, 15},
        {1, 2, 3, 6, 7, 8, 9, 12, 14, 15},
        {2, 3, 4, 7, 8, 9, 10, 12, 13, 15},
        {3, 4, 5, 8, 9, 10, 11, 13, 14, 15},
    ]


def test_the_squeezes_of_efficientnet() -> None:
    squeezes = [node.layer.units for node in network_of("efficientnet_b0") if isinstance(node.layer, Dense)][:-1:2]
    assert squeezes == [8, 4, 6, 6, 10, 10, 20, 20, 20, 28, 28, 28, 48, 48, 48, 48]
    inputs = [32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192]
    assert [n // 4 for n in inputs] == squeezes


def test_the_activation_table_of_vgg16_in_cs231n() -> None:
    network = network_of("vgg16")
    rows = [(node.layer.keyword, node.shape) for node in network if isinstance(node.layer, (Input, Conv, Pool, Dense))]
    assert rows == [
        ("INPUT", (224, 224, 3)),
        *[("CONV", (224, 224, 64))] * 2,
        ("POOL", (112, 112, 64)),
        *[("CONV", (112, 112, 128))] * 2,
        ("POOL", (56, 56, 128)),
        *[("CONV", (56, 56, 256))] * 3,
        ("POOL", (28, 28, 256)),
        *[("CONV", (28, 28, 512))] * 3,
        ("POOL", (14, 14, 512)),
        *[("CONV", (14, 14, 512))] * 3,
        ("POOL", (7, 7, 512)),
        ("FC", (4096,)),
        ("FC", (4096,)),
        ("FC", (1000,)),
    ]
    values = [product(shape) for _, shape in rows]
    assert values[:4] == [150_528, 3_211_264, 3_211_264, 802_816]
    assert sum(values) == 15_237_608
    # ReLU and dropout work in place.
    assert sum(product(node.shape) for node in network if not node.layer.in_place) == 15_237_608
    weights = sum(p.size for p in network.parameters().values() if p.role == "weight")
    assert weights == 138_344_128


def test_names_are_in_natural_order_and_forgiving() -> None:
    names = zoo.names()
    assert [n for n in names if re.fullmatch(r"resnet\d+", n)] == [
        f"resnet{depth}" for depth in (18, 20, 34, 50, 56, 101, 110, 152)
    ]
    assert zoo.read("VGG-16").name == zoo.read("vgg_16").name == "vgg16"
    assert zoo.read("ResNet-50-paper").name == "resnet50_paper"
    assert zoo.read("VGG-16").title == "VGG-16"
    assert zoo.is_name("LeNet-5")
    for text in ("", "INPUT -> FC", "vgg", "vgg16.net", "../zoo/vgg16", "INPUT(3x3x1)\n-> FC(2)"):
        assert not zoo.is_name(text)


def test_the_defaults_of_the_memo() -> None:
    entry = zoo.read("memo")
    assert (entry.input_shape, entry.classes) == ((28, 28, 1), 10)
    assert network_of("memo").output_shape == (10,)


def test_signal_networks_take_the_shape_of_the_data() -> None:
    for name in ("fcn", "inceptiontime", "m5", "resnet1d"):
        network = build(parse(zoo.read(name).text), input_shape=(96, 3), classes=5)
        assert network.output_shape == (5,)


def test_unknown_names_get_a_suggestion() -> None:
    with pytest.raises(OptionError) as caught:
        zoo.read("resnett-50")
    assert str(caught.value) == (
        "no such network in the zoo; got resnett-50; expected a name that `tatami zoo` lists "
        "(hint: did you mean resnet50?)"
    )
    with pytest.raises(OptionError) as caught:
        zoo.read("???")
    assert caught.value.hint is None


def test_reading_one_entry_opens_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    parse_netfile = zoo.parse_netfile
    monkeypatch.setattr(zoo, "parse_netfile", lambda name, *more: opened.append(name) or parse_netfile(name, *more))
    zoo.read("lenet5")
    assert opened == ["lenet5"]
