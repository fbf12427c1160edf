"""Weights with torchvision's names, for the networks of the zoo."""

from pathlib import Path

import numpy as np
import pytest

from tatami.engines import compile
from tatami.errors import OptionError, RunError
from tatami.exchange.channels_first import channels_first, channels_last
from tatami.exchange.published import FAMILIES, from_published, published_names, published_preprocess, read_published
from tatami.formats import save_weights
from tatami.network import find_network, zoo
from tatami.train.first_weights import read_first_weights
from tatami.train.run import load_trained

from .parcels import TOLERANCE, error, parcel_of
from .torchvision_models import torchvision_models

# What torchvision calls them, where it is not the zoo's name.
THEIRS = {
    "shufflenet_v2": "shufflenet_v2_x1_0",
    "convnext_t": "convnext_tiny",
    "googlenet_bn": "googlenet",
    "resnext50": "resnext50_32x4d",
    "wide_resnet50": "wide_resnet50_2",
}
# Large ones only by name and shape.
SCORED = {
    **{"resnet18": 64, "resnet50": 64, "resnext50": 64, "densenet121": 64, "squeezenet1_0": 224, "squeezenet1_1": 224},
    **{"googlenet_bn": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "mobilenet_v3_large": 64, "alexnet": 224},
    **{"shufflenet_v2": 64, "efficientnet_b0": 64, "convnext_t": 64, "inception_v3": 139},
}


def test_the_table_is_of_the_zoo() -> None:
    assert set(FAMILIES) <= set(zoo.names())
    assert published_names("zfnet") is None
    for name in FAMILIES:
        names = published_names(name)
        assert len(set(names)) == len(names)


def test_names_by_hand() -> None:
    """Some that anybody can look up in torchvision's files."""
    assert published_names("resnet18")[:7] == (
        *("conv1", "bn1", "layer1.0.conv1", "layer1.0.bn1", "layer1.0.conv2", "layer1.0.bn2", "layer1.1.conv1"),
    )
    assert "layer2.0.downsample.1" in published_names("resnet18")
    assert "layer1.0.downsample.0" in published_names("resnet50")
    assert published_names("vgg16")[-4:] == ("features.28", "classifier.0", "classifier.3", "classifier.6")
    assert published_names("vgg11_bn")[:4] == ("features.0", "features.1", "features.4", "features.5")
    assert "features.denseblock3.denselayer24.norm2" in published_names("densenet121")
    assert "features.17.conv.3" in published_names("mobilenet_v2")
    assert "features.4.block.2.fc1" in published_names("mobilenet_v3_large")
    assert "features.5.8.layer_scale" in published_names("convnext_t")


def model_of(name: str):
    torch = pytest.importorskip("torch", reason="needs tatami[torch]")
    options = {"init_weights": False} if name in ("googlenet_bn", "inception_v3") else {}
    torch.manual_seed(0)
    return getattr(torchvision_models(), THEIRS.get(name, name))(weights=None, **options)


@pytest.mark.parametrize("name", FAMILIES)
def test_names_and_shapes_are_those_of_torchvision(name: str) -> None:
    torch = pytest.importorskip("torch", reason="needs tatami[torch]")
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in model_of(name).state_dict().items()}
    network = find_network(name).build()

    found = from_published(
        {key: np.broadcast_to(np.float32(0), s) for key, s in shapes.items()}, name, network, where="x"
    )

    assert {key: array.shape for key, array in found.items()} == {
        key: parameter.shape for key, parameter in network.parameters().items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", SCORED)
def test_scores_are_those_of_torchvision(name: str) -> None:
    torch = pytest.importorskip("torch", reason="needs tatami[torch]")
    model, size = model_of(name), SCORED[name]
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    network = find_network(name).build(input_shape=(size, size, 3))
    weights = from_published(
        {key: value.numpy() for key, value in model.state_dict().items()}, name, network, where="x"
    )
    x = torch.randn(1, 3, size, size)

    own = compile(network, batch=1)
    own.load_state_dict(weights)
    with torch.no_grad():
        expected = model.eval().double()(x.double()).numpy()
    assert error(own.forward(np.moveaxis(x.numpy(), 1, -1)), expected) < TOLERANCE


# --- by rule, without torchvision ---


def published(name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Random weights of a network, as tatami has them and as they are published."""
    network = find_network(name).build()
    rng = np.random.default_rng(0)
    names = iter(published_names(name))
    own, theirs = {}, {}
    for node in network:
        shapes = network.input_shapes(node)
        parameters = node.layer.parameters(*shapes)
        stem = next(names) if parameters else ""
        for part, parameter in parameters.items():
            array = rng.random(parameter.shape, np.float32)
            own[f"{node.name}.{part}"] = array
            theirs[f"{stem}.{part}"] = channels_first(node.layer, part, array, shapes[0])
    return own, theirs


@pytest.fixture(scope="module")
def squeezenet() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    return published("squeezenet1_1")


def test_a_file_is_read(squeezenet, tmp_path: Path) -> None:
    own, theirs = squeezenet
    counted = {**theirs, "features.0.num_batches_tracked": np.array(3)}  # as files of networks with norms have
    save_weights(tmp_path / "squeezenet.safetensors", counted)
    network = find_network("squeezenet1_1").build()

    found = read_published(tmp_path / "squeezenet.safetensors", "squeezenet1_1", network)

    assert found.keys() == own.keys()
    for name, array in found.items():
        np.testing.assert_array_equal(array, own[name])


def test_old_names_of_densenet() -> None:
    own, theirs = published("densenet121")
    old = {key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for key, value in theirs.items()}
    assert old.keys() != theirs.keys()

    found = from_published(old, "densenet121", find_network("densenet121").build(), where="x")

    np.testing.assert_array_equal(found["bn2.weight"], own["bn2.weight"])


def test_the_head_may_be_left_out(squeezenet) -> None:
    own, theirs = squeezenet
    other = find_network("squeezenet1_1").build(classes=None)

    found = from_published(theirs, "squeezenet1_1", other, where="x", but_head=True)

    assert own.keys() - found.keys() == {"conv26.weight", "conv26.bias"}


def test_a_training_begins_with_them_but_for_a_head_of_its_own(tmp_path: Path) -> None:
    own, theirs = published("resnet18")
    save_weights(tmp_path / "resnet18.safetensors", theirs)
    text = zoo.read("resnet18").text.replace("INPUT(224x224x3)", "INPUT(64x64x3)").replace("FC(1000)", "FC(2)")

    first = read_first_weights(str(tmp_path / "resnet18.safetensors"), find_network(text).build(), "resnet18")

    assert first.note.endswith("fc1 begins anew, for 2 outputs")
    assert own.keys() - first.tensors.keys() == {"fc1.weight", "fc1.bias"}
    np.testing.assert_array_equal(first.tensors["conv20.weight"], own["conv20.weight"])


def test_all_that_does_not_fit_is_told_at_once(squeezenet) -> None:
    _, theirs = squeezenet
    wrong = dict(theirs)
    del wrong["features.3.squeeze.weight"]
    wrong["fc.weight"] = np.zeros((1000, 512), np.float32)
    wrong["features.0.weight"] = np.zeros((64, 3, 5, 5), np.float32)
    wrong["classifier.1.bias"] = np.zeros(21, np.float32)

    with pytest.raises(RunError) as caught:
        from_published(wrong, "squeezenet1_1", find_network("squeezenet1_1").build(), where="a.safetensors")

    assert str(caught.value) == (
        "a.safetensors: not the weights of squeezenet1_1; got missing: features.3.squeeze.weight; unknown: fc.weight; "
        "of another shape: features.0.weight 64x3x5x5 is not conv1.weight 3x3x3x64, "
        "classifier.1.bias 21 is not conv26.bias 1000; expected torchvision's names and shapes"
    )


def test_weights_of_another_network(squeezenet) -> None:
    _, theirs = squeezenet
    with pytest.raises(RunError) as caught:
        from_published(theirs, "resnet18", find_network("resnet18").build(), where="a.safetensors")

    text = str(caught.value)
    assert text.startswith("a.safetensors: not the weights of resnet18; got missing: conv1.weight, bn1.weight")
    assert "and 96 more; unknown: classifier.1.bias" in text


@pytest.mark.parametrize(
    ("name", "network", "text"),
    [
        (
            "resnet5O",
            "resnet50",
            "no published weights are known for this network; got resnet5O; expected one of alexnet,",
        ),
        (
            "resnet18",
            "resnet34",
            "this is another network than the one of the zoo; got 73 layers with weights; expected",
        ),
    ],
)
def test_another_network(name: str, network: str, text: str) -> None:
    with pytest.raises(OptionError) as caught:
        from_published({}, name, find_network(network).build(), where="x")

    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("text", ["INPUT(5x4x2) -> CONV(3, 3x2)", "INPUT(5x4x2) -> FC(3)", "INPUT(6x4) -> DWCONV(3)"])
def test_there_and_back(text: str) -> None:
    parcel = parcel_of(text)
    node = parcel.network.nodes[-1]
    for name, array in parcel.state.items():
        part = name.rpartition(".")[2]
        shape = parcel.network.input_shape
        there = channels_first(node.layer, part, array, shape)
        np.testing.assert_array_equal(channels_last(node.layer, part, there, shape), array)


# --- the command ---


def test_convert(tatami, squeezenet, tmp_path: Path) -> None:
    own, theirs = squeezenet
    save_weights(tmp_path / "published.safetensors", theirs)
    (tmp_path / "classes.txt").write_text("".join(f"class {i}\n" for i in range(1000)))
    result = tatami(
        *("convert", tmp_path / "published.safetensors", "--net", "squeezenet1_1", "-o", tmp_path / "own.safetensors"),
        *("--classes", tmp_path / "classes.txt"),
    )

    assert (result.code, result.out) == (
        0,
        f"wrote {tmp_path / 'own.safetensors'}: 1,235,496 values of squeezenet1_1\n",
    ), result.err
    trained = load_trained(tmp_path / "own.safetensors", "textbook")
    assert trained.network == find_network("squeezenet1_1").build()
    assert trained.identity.classes[999] == "class 999"
    assert trained.identity.preprocess == published_preprocess("squeezenet1_1", trained.network)
    np.testing.assert_array_equal(trained.model.state_dict()["conv26.weight"], own["conv26.weight"])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--net", "INPUT(4) -> FC(2)"), "--net: not a network of the zoo; got INPUT(4) -> FC(2) (hint: `tatami zoo`"),
        (
            ("--net", "memo"),
            "no published weights are known for this network; got memo; expected one of alexnet, vgg11",
        ),
        (("--net", "alexnet"), "nothing.safetensors: no such weights file"),
        (
            ("--net", "alexnet", "--classes", "no.txt"),
            "no.txt: the names of the classes cannot be read; got No such file",
        ),
    ],
)
def test_what_convert_refuses(tatami, options: tuple[str, ...], text: str) -> None:
    result = tatami("convert", "nothing.safetensors", "-o", "out.safetensors", *options)

    assert result.code == 2
    assert result.err.startswith(f"error: {text}")


def test_preprocessing() -> None:
    network = find_network("inception_v3").build()
    assert published_preprocess("inception_v3", network).mean == (0.5, 0.5, 0.5)
    assert published_preprocess("resnet18", network).std == (0.229, 0.224, 0.225)
