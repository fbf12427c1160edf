"""Commands that take NET take models of ONNX: planned, compared, converted, fine-tuned."""

import json
from pathlib import Path

import numpy as np
import pytest

from tatami.errors import OptionError, RunError
from tatami.exchange.source import ModelSource, open_for_training, open_network
from tatami.formats import load_weights, save_weights
from tatami.network import find_network, network_from_json
from tatami.network.fold import folded_text
from tatami.train import TrainConfig, train
from tatami.train.first_weights import read_first_weights
from tatami.train.run import Run

from .parcels import own_scores, parcel_of

NET = "INPUT(8x8x1) -> CONV(4) -> BN -> RELU -> POOL -> FC(6) -> RELU -> FC(5)"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ONNX for 5 classes."""
    pytest.importorskip("onnx", reason="needs tatami[onnx]")
    from tatami.exchange.onnx.writing import save_onnx

    path = tmp_path_factory.mktemp("models") / "small.onnx"
    save_onnx(parcel_of(NET), path)
    return path


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8x8 images of 2 classes."""
    y = np.arange(24) % 2
    x = np.random.default_rng(0).integers(0, 60, (24, 8, 8)).astype(np.uint8)
    x[y == 1, :, 4:] += 150
    path = tmp_path_factory.mktemp("bars") / "bars.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y, classes=np.array(["left", "right"]))
    return path


# --- opened ---


def test_other_nets_are_found_as_before() -> None:
    assert open_network("memo") == find_network("memo")
    assert open_for_training("memo") == (find_network("memo"), None)


def test_a_model_is_a_source(model: Path) -> None:
    source = open_network(str(model))

    assert isinstance(source, ModelSource)
    assert (source.name, source.build()) == ("small", find_network(NET).build())


def test_its_last_fc_is_bare_for_training(model: Path) -> None:
    source, weights = open_for_training(str(model))

    assert weights == str(model)
    assert source.build(classes=2) == find_network(NET.replace("FC(5)", "FC(2)")).build()


def test_a_model_has_no_free_names(model: Path) -> None:
    from tatami.notation import ast

    with pytest.raises(OptionError, match=r"small\.onnx: a model of ONNX has no free names; got -D N=\.\.\."):
        open_network(str(model), {"N": ast.Number(2)})


# --- commands ---


def test_plan(tatami, model: Path) -> None:
    ours = json.loads(tatami("plan", NET, "--format", "json").out)
    assert json.loads(tatami("plan", model, "--format", "json").out) == ours


def test_plan_around_an_unknown_operator(tatami, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="needs tatami[onnx]")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    weight = onnx.numpy_helper.from_array(np.zeros((4, 3, 1, 1), np.float32), "w")
    graph = helper.make_graph(
        [
            helper.make_node("DepthToSpace", ["x"], ["a"], "up", blocksize=2),
            helper.make_node("Conv", ["a", "w"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", kind, (1, 12, 4, 4))],
        [helper.make_tensor_value_info("y", kind, None)],
        [weight],
    )
    path = tmp_path / "up.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    result = tatami("plan", path, "--format", "json")
    assert result.err == (
        "note: no layer here, so their parameters, work and windows do not count: foreign1 (DepthToSpace)\n"
    )
    planned = json.loads(result.out)
    assert [(layer["type"], layer["macs"]) for layer in planned["layers"]] == [
        *(("INPUT", 0), ("FOREIGN", 0), ("CONV", 12 * 64))
    ]

    refused = tatami("convert", path)
    assert (refused.code, refused.err) == (
        2,
        "error: foreign1: the notation has no layer for an operator from elsewhere; got DepthToSpace\n",
    )


def test_compare(tatami, model: Path) -> None:
    result = tatami("compare", NET, model)

    assert "small against net 1: the same in every figure" in result.out


def test_convert(tatami, model: Path, tmp_path: Path) -> None:
    assert tatami("convert", model).out == NET + "\n"

    assert tatami("convert", model, "-o", tmp_path / "small.net").code == 0
    assert (tmp_path / "small.net").read_text() == f"# title: small\n# input: 8x8x1\n{NET}\n"
    assert find_network(str(tmp_path / "small.net")).build() == find_network(NET).build()

    assert tatami("convert", model, "-o", tmp_path / "small.json").code == 0
    assert network_from_json(json.loads((tmp_path / "small.json").read_text())) == find_network(NET).build()

    refused = tatami("convert", model, "-o", "small.txt")
    assert (refused.code, refused.err) == (
        2,
        "error: -o: a network is not written in this form; got small.txt; expected .net for notation, .json for JSON\n",
    )


def test_convert_takes_any_net(tatami) -> None:
    text = tatami("convert", "resnet50").out

    assert find_network(text).build() == find_network("resnet50").build()
    assert max(map(len, text.splitlines())) <= 110


def test_fine_tuning(tatami, model: Path, bars: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained = tatami("train", model, bars, "--epochs", 1, "--lr", 1e-9, "--run", run)

    assert trained.code == 0
    assert f"note: first weights from {model}; fc2 begins anew, for 2 outputs" in " ".join(trained.err.split())
    weights, _ = load_weights(run / "best.safetensors")
    ours = parcel_of(NET).state
    for name in ("conv1.weight", "fc1.weight", "fc1.bias"):  # a rate of almost nothing leaves them as they were
        np.testing.assert_allclose(weights[name], ours[name], atol=1e-6)
    assert weights["fc2.weight"].shape == (6, 2)
    assert Run(run).config().weights == str(model)


def test_a_run_goes_on_without_the_model(tatami, model: Path, bars: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model.read_bytes())
    tatami("train", copy, bars, "--epochs", 1, "--run", tmp_path / "run")
    copy.unlink()

    assert tatami("resume", tmp_path / "run", "--epochs", 2).code == 0


def test_without_onnx(tatami, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    with pytest.raises(OptionError) as caught:
        open_network("model.onnx")
    assert str(caught.value) == (
        "ONNX needs the package onnx, which is not installed (hint: pip install 'tatami[onnx]')"
    )


# --- first weights ---


def test_weights_of_tatami_go_on(bars: Path, tmp_path: Path) -> None:
    """All of them, where the classes are as many."""
    config = TrainConfig(str(bars), epochs=1, batch=8, lr=1e-9)
    net = NET.replace("FC(5)", "FC")
    train(find_network(net), config, tmp_path / "one", lambda event: None)
    path = tmp_path / "one" / "best.safetensors"
    network = find_network(net).build(classes=2)
    first = read_first_weights(str(path), network, "network")

    assert first.note == f"first weights from {path}"
    assert first.tensors.keys() == network.parameters().keys()


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    path = str(tmp_path / "w.safetensors")
    save_weights(path, parcel_of(NET).state)
    with pytest.raises(RunError) as caught:
        read_first_weights(path, find_network(NET.replace("CONV(4)", "CONV(3)")).build(), "network")
    assert str(caught.value) == (
        f"{path}, conv1.weight: a tensor of the weights has another shape; got (3, 3, 1, 4); "
        "expected (3, 3, 1, 3) (hint: it comes from another network)"
    )

    with pytest.raises(RunError) as caught:
        read_first_weights(path, find_network(NET.replace("-> BN", "")).build(), "network")
    assert "conv1.bias" in str(caught.value)


def test_weights_are_no_directory(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        read_first_weights(str(tmp_path), find_network(NET).build(), "network")

    assert str(caught.value) == (f"{tmp_path}: not a file of weights (hint: {tmp_path / 'best.safetensors'} of a run)")


def test_a_model_prints_as_text(model: Path) -> None:
    assert folded_text(open_network(str(model)).build()) == NET


def test_from_python(model: Path) -> None:
    import tatami

    found = tatami.from_onnx(model)
    assert found.network == tatami.Network(NET)
    assert found.network.text == NET
    x = np.random.default_rng(0).random((2, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(found.compile("textbook", batch=2).forward(x), own_scores(parcel_of(NET), x))
    assert found.plan().totals.params == sum(array.size for array in found.state.values()) - 8  # running statistics
