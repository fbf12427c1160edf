from pathlib import Path

import numpy as np
import pytest

import tatami as package
from tatami.data import load
from tatami.errors import OptionError
from tatami.network import find_network
from tatami.train import TrainConfig, train
from tatami.train.run import load_trained

MODEL = "model.onnx"


def test_a_trained_run_gives_its_scores_in_onnx_runtime(tatami, bars: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs tatami[onnx]")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    result = tatami("export", bars / "run", "-o", tmp_path / MODEL, "--layout", "nhwc", "--preprocess")
    assert (result.code, result.out) == (0, f"wrote {tmp_path / MODEL}\n"), result.err

    raw = np.load(bars / "bars.npz")["x_test"][..., None]
    trained = load_trained(bars / "run", "textbook")
    expected = trained.model.forward(trained.identity.preprocess(raw))
    session = runtime.InferenceSession(tmp_path / MODEL)
    assert session.get_modelmeta().custom_metadata_map["classes"] == '["left", "right", "both"]'
    found = session.run(None, {"input": raw})[0]
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def test_the_ending_has_to_say_what(tatami, bars: Path, tmp_path: Path) -> None:
    result = tatami("export", bars / "run", "-o", "model.bin")

    assert result.code == 2
    assert result.err == (
        "error: model.bin: the ending does not say what to write; "
        "expected model.onnx, or a folder with the format torch or keras\n"
    )


def test_no_run(tatami) -> None:
    result = tatami("export", "nowhere", "-o", MODEL)

    assert result.code == 2
    assert result.err == "error: nowhere: no such run; expected a run directory or a .safetensors file\n"


def test_onnx_is_not_installed(tatami, bars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    result = tatami("export", bars / "run", "-o", MODEL)

    assert result.code == 2
    assert result.err == (
        "error: ONNX needs the package onnx, which is not installed (hint: pip install 'tatami[onnx]')\n"
    )


def test_a_trained_run_of_signals(tatami, tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs tatami[onnx]")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    config = TrainConfig("sample:gunpoint", epochs=2, batch=16, lr=0.02, engine="textbook")
    train(find_network("INPUT -> CONV(4, 5) -> BN -> RELU -> POOL -> FC"), config, tmp_path / "run", lambda event: None)
    result = tatami("export", tmp_path / "run", "-o", tmp_path / MODEL, "--preprocess")
    assert result.code == 0, result.err

    raw = load("sample:gunpoint").test.x
    trained = load_trained(tmp_path / "run", "textbook")
    expected = trained.model.forward(trained.identity.preprocess(raw))
    session = runtime.InferenceSession(tmp_path / MODEL)
    assert session.get_inputs()[0].shape == ["batch", 1, 150]
    found = session.run(None, {"input": np.moveaxis(raw, -1, 1)})[0]
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("format", ["torch", "keras"])
def test_a_program(tatami, bars: Path, tmp_path: Path, format: str) -> None:
    result = tatami("export", bars / "run", "-o", tmp_path / "model", "--format", format)

    assert (result.code, result.out) == (0, f"wrote {tmp_path / 'model'}\n"), result.err
    assert {path.name for path in (tmp_path / "model").iterdir()} == {"model.py", "model.safetensors"}
    assert 'CLASSES = ["left", "right", "both"]' in (tmp_path / "model" / "model.py").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", [("--layout", "nhwc"), ("--preprocess",), ("--opset", "18")])
def test_options_of_onnx_alone(tatami, bars: Path, option: tuple[str, ...]) -> None:
    result = tatami("export", bars / "run", "-o", "model", "--format", "torch", *option)

    assert result.code == 2
    assert result.err == f"error: {option[0][2:]} belongs to ONNX; got format torch; expected format onnx\n"


def test_the_folder_is_a_file(tatami, bars: Path, tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    result = tatami("export", bars / "run", "-o", tmp_path / "model", "--format", "torch")

    assert result.code == 2
    assert result.err == f"error: {tmp_path / 'model'}: the folder cannot be written; got File exists\n"


def test_a_model_in_memory(tmp_path: Path) -> None:
    model = package.compile(package.Network("INPUT(4x4x1) -> CONV(2) -> FC(2)"))
    package.export(model, tmp_path / "model", format="keras")

    assert (tmp_path / "model" / "model.py").exists()


@pytest.mark.parametrize(
    ("what", "options", "text"),
    [
        (
            object,
            {"format": "torch"},
            "this has no weights to export; got <class 'object'>; "
            "expected a run directory, a weights file, or a model of tatami.compile",
        ),
        ("run", {"format": "tf"}, "unknown format; got tf; expected onnx, torch, keras"),
    ],
)
def test_nothing_to_export(tmp_path: Path, what: object, options: dict[str, str], text: str) -> None:
    with pytest.raises(OptionError) as caught:
        package.export(what, tmp_path / "model", **options)

    assert str(caught.value) == text
