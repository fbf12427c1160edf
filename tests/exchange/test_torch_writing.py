"""PyTorch out: a program that runs without tatami and gives the textbook engine's scores."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import Preprocess
from tatami.exchange.parcel import Parcel, Targets
from tatami.exchange.torch.writing import TorchProgram, save_torch
from tatami.network import Network, Node
from tatami.network.layers import Add, Conv, Input, ReLU

from ..engines.cases import CASES
from .parcels import TOLERANCE, error, of_the_zoo, own_scores, parcel_of, random_state, samples, small_parcel, to_last

torch = pytest.importorskip("torch", reason="needs tatami[torch]")

PRE = Preprocess("image", (8, 6, 3), 1 / 255, (0.1, 0.2, 0.3), (1.0, 0.5, 0.25))


def program(folder: Path):
    """The written program as a module."""
    spec = importlib.util.spec_from_file_location("written_model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written_scores(parcel: Parcel, folder: Path, raw: np.ndarray) -> np.ndarray:
    save_torch(parcel, folder)
    module = program(folder)
    with torch.inference_mode():
        scores = module.load()(module.prepare(raw)).numpy()
    return to_last(scores)


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


def test_paths_that_cross(tmp_path: Path) -> None:
    """They have no notation, and the same graph code."""
    shape = (4, 4, 2)
    conv = Conv(2, (3, 3), (1, 1))
    nodes = [Node("input", Input(shape), (), shape)]
    for name, layer, inputs in [
        *(("a", conv, ["input"]), ("b", conv, ["input"]), ("c", Add(), ["a", "b"]), ("d", ReLU(), ["a"])),
        *(("e", Add(), ["c", "d"]), ("f", Add(), ["e", "b", "b"]), ("lost", ReLU(), ["c"]), ("train", conv, ["f"])),
    ]:
        nodes.append(Node(name, layer, tuple(inputs), shape))
    network = Network(tuple(nodes))
    parcel = Parcel(network, random_state(network))
    x = samples(network)

    assert parcel.text == ""
    assert error(written_scores(parcel, tmp_path, x), own_scores(parcel, x)) < TOLERANCE


@pytest.mark.parametrize(
    "layer", ["LN", "CONV(3, 3, S=2)", "SHUFFLE(3)", "GAP", "SLICE(1, 3)", "FLATTEN", "LRN", "FC(2)"]
)
@pytest.mark.parametrize("merge", ["ADD[TANH | ID]", "MUL[TANH | GAP]", "CONCAT[TANH | ID]"])
def test_layers_around_a_sum(merge: str, layer: str, tmp_path: Path) -> None:
    parcel = parcel_of(f"INPUT(4x6x3) -> {merge} -> {layer}")
    x = samples(parcel.network)

    assert error(written_scores(parcel, tmp_path, x), own_scores(parcel, x)) < TOLERANCE


# --- what is written ---


def test_a_block_is_written_once() -> None:
    text = TorchProgram(parcel_of("resnet20")).text()

    assert text.count("class ") == 3
    assert "self.block1 = nn.Sequential(*(Block1(conv1_in=16) for _ in range(3)))" in text
    assert "self.block2 = Block2(conv1_in=16, conv1_out=32)" in text
    assert "        x = self.relu1(self.bn1(self.conv1(x)))\n        x = self.block1(x)\n" in text
    assert len(text.splitlines()) < 130
    assert max(map(len, text.splitlines())) <= 120


def test_names_are_those_of_the_network(tmp_path: Path) -> None:
    parcel = parcel_of("INPUT(6x6x3) -> CONV(4) -> BN -> RELU -> POOL -> CONV(2, name=stem) -> FC(2)")
    save_torch(parcel, tmp_path)

    names = {name for name in program(tmp_path).Model().state_dict() if "num_batches" not in name}
    assert names == set(parcel.network.parameters())


def test_equal_networks_make_equal_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_torch(parcel_of("INPUT(6x6x3) -> CONV(4) -> FC(2)"), tmp_path / name)

    for name in ("model.py", "model.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# --- it stands alone ---

WITHOUT_TATAMI = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tatami":
            raise ImportError("tatami is not there")

sys.meta_path.insert(0, Refuse())
sys.argv = sys.argv[1:]
import runpy
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_alone(folder: Path, file: Path, **environment: str) -> str:
    """What the program prints of a sample in a process that has no tatami."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TATAMI, folder / "model.py", file], capture_output=True, text=True, check=False,
        cwd=folder, env={**os.environ, "PYTHONUTF8": "1", "PYTHONWARNINGS": "error", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def shares_of(parcel: Parcel, raw: np.ndarray) -> list[str]:
    """The lines that the program should print, by the textbook engine."""
    scores = own_scores(parcel, parcel.preprocess(raw[None]))[0].astype(float)
    shares = np.exp(scores) / np.exp(scores).sum()
    return [f"{parcel.classes[i]} {shares[i]:.1%}" for i in np.argsort(-shares)[:3]]


def test_a_picture_is_scored_without_tatami(tmp_path: Path) -> None:
    parcel = parcel_of(
        "INPUT(8x6x3) -> CONV(4) -> BN -> RELU -> RES[CONV(4)] -> FC(3)", classes=("cat", 'd"ög', "emu"), preprocess=PRE
    )
    save_torch(parcel, tmp_path)
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")

    assert run_alone(tmp_path, tmp_path / "picture.png").splitlines() == shares_of(parcel, PRE.adapt(picture))


def test_a_regression_of_signals_comes_in_its_units(tmp_path: Path) -> None:
    pre = Preprocess("signal", (8, 2), 1.0, (0.5, -1.0), (2.0, 0.5), pads=True)
    parcel = parcel_of(
        "INPUT(8x2) -> CONV(3) -> FC(2)",
        preprocess=pre,
        targets=Targets(("volume", "mass"), (100.0, -3.0), (20.0, 0.5)),
    )
    save_torch(parcel, tmp_path)
    raw = np.random.default_rng(0).standard_normal((5, 2)).astype(np.float32)
    np.save(tmp_path / "signal.npy", raw)

    values = own_scores(parcel, pre(pre.adapt(raw)[None]))[0] * [20, 0.5] + [100, -3]
    found = [line.split() for line in run_alone(tmp_path, tmp_path / "signal.npy").splitlines()]
    assert [name for name, _ in found] == ["volume", "mass"]
    np.testing.assert_allclose([float(value) for _, value in found], values, rtol=2e-5)


def test_what_is_known_goes_along(tmp_path: Path) -> None:
    from safetensors import safe_open

    parcel = parcel_of("INPUT(8x6x3) -> FC(2)", classes=("a", "b"), preprocess=PRE)
    save_torch(parcel, tmp_path)

    with safe_open(tmp_path / "model.safetensors", "np") as file:
        assert file.metadata() == parcel.metadata()
    assert program(tmp_path).CLASSES == ["a", "b"]
