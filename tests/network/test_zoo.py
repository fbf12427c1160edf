import re

import pytest

from tatami.errors import OptionError
from tatami.network import Network, build, zoo
from tatami.network.layers import Conv, Dense, Input, Pool, product
from tatami.notation import parse, print_text

# Parameters, MACs of convolutions and FC. torchvision's published metadata; the others as noted.
FIGURES = {
    "alexnet": (61_100_840, 714_188_480),
    "alexnet2012": (60_965_224, 724_406_816),
    "googlenet": (6_998_552, 1_582_671_872),
    "lenet5": (61_706, 416_520),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet34": (21_797_672, 3_663_761_408),
    "resnet50": (25_557_032, 4_089_184_256),
    "resnet101": (44_549_160, 7_801_405_440),
    "resnet152": (60_192_808, 11_513_626_624),
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
    for name in ("fcn", "resnet1d"):
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
    monkeypatch.setattr(zoo, "parse_netfile", lambda name, text: opened.append(name) or parse_netfile(name, text))
    zoo.read("lenet5")
    assert opened == ["lenet5"]
