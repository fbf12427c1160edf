"""Keras out: a program that runs without tatami, on Keras with PyTorch behind it, and gives the textbook's scores."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.exchange.keras.writing import KerasProgram, save_keras
from tatami.exchange.parcel import Parcel

from ..engines.cases import CASES
from .parcels import TOLERANCE, error, of_the_zoo, own_scores, parcel_of, samples, small_parcel
from .test_torch_writing import PRE, run_alone, shares_of

pytest.importorskip("torch", reason="needs tatami[torch]")
os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras", reason="needs keras")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself


def program(folder: Path):
    spec = importlib.util.spec_from_file_location("written_model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written_scores(parcel: Parcel, folder: Path, raw: np.ndarray) -> np.ndarray:
    save_keras(parcel, folder)
    module = program(folder)
    return keras.ops.convert_to_numpy(module.load()(module.prepare(raw), training=False))


@pytest.mark.parametrize("text", sorted({case.text for case in CASES}))
def test_every_layer(text: str, tmp_path: Path) -> None:
    parcel = parcel_of(text)
    x = samples(parcel.network)

    assert error(written_scores(parcel, tmp_path, x), own_scores(parcel, x)) < TOLERANCE


@of_the_zoo
def test_every_network_of_the_zoo(name: str, tmp_path: Path) -> None:
    parcel = small_parcel(name)
    x = samples(parcel.network, 2)

    assert error(written_scores(parcel, tmp_path, x), own_scores(parcel, x, "cpu")) < TOLERANCE


def test_a_block_is_written_once() -> None:
    text = KerasProgram(parcel_of("resnet20")).text()

    assert text.count("def block") == 2
    assert '    for i in range(3):\n        x = block1(x, f"block1_{i}", conv1_out=16)\n' in text
    assert '    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="conv1")(x)\n' in text
    assert max(map(len, text.splitlines())) <= 120


def test_layers_have_the_names_of_the_network(tmp_path: Path) -> None:
    save_keras(parcel_of("INPUT(6x6x3) -> CONV(4) -> BN -> RELU -> POOL -> CONV(2, name=stem) -> FC(2)"), tmp_path)

    names = [
        layer.name for layer in program(tmp_path).build().layers if not layer.name.startswith(("input", "flatten"))
    ]
    assert names == ["conv1", "bn1", "relu1", "pool1", "stem", "fc1"]


def test_training_goes_on_in_keras(tmp_path: Path) -> None:
    save_keras(parcel_of("INPUT(6x6x1) -> CONV(4) -> BN -> RELU -> SCALE -> FC(2)"), tmp_path)
    model = program(tmp_path).load()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = samples(parcel_of("INPUT(6x6x1) -> FC(2)").network, 8), np.arange(8) % 2

    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]

    assert losses[-1] < losses[0]


def test_a_picture_is_scored_without_tatami(tmp_path: Path) -> None:
    parcel = parcel_of(
        "INPUT(8x6x3) -> CONV(4) -> RES[CONV(4)] -> FC(3)", classes=("cat", "dog", "emu"), preprocess=PRE
    )
    save_keras(parcel, tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")

    printed = run_alone(tmp_path, tmp_path / "picture.png", KERAS_BACKEND="torch", PYTHONWARNINGS="ignore")
    assert printed.splitlines() == shares_of(parcel, PRE.adapt(picture))
