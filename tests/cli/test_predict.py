"""What `tatami predict` reads, and what it says about pictures in negative."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def run(tatami, tmp_path: Path) -> Path:
    """A network that tells where the bright bar of a dark 8x8 image lies."""
    y = np.arange(40) % 2
    x = np.random.default_rng(0).integers(0, 20, (40, 8, 8)).astype(np.uint8)
    x[y == 0, :, 1] = 250
    x[y == 1, :, 6] = 250
    np.savez(tmp_path / "bars.npz", x_train=x, y_train=y, x_test=x[:6], y_test=y[:6], classes=["left", "right"])
    net = "INPUT -> CONV(4) -> RELU -> POOL -> FC"
    result = tatami("train", net, tmp_path / "bars.npz", "--epochs", 8, "--batch", 8, "--run", tmp_path / "run")
    assert result.code == 0
    return tmp_path / "run"


def first_classes(out: str) -> list[str]:
    return [row["classes"][0]["name"] for row in json.loads(out)]


def test_pictures_in_negative_are_noted_and_inverted_on_request(tatami, run: Path, tmp_path: Path) -> None:
    x = np.load(tmp_path / "bars.npz")["x_test"]
    Image.fromarray(255 - x[1]).save(tmp_path / "new.png")
    plain = tatami("predict", run, tmp_path / "new.png")
    assert plain.err == (
        f"note: {tmp_path}/new.png is much brighter than the training images; if it is dark on light, try --invert\n"
    )
    inverted = tatami("predict", run, tmp_path / "new.png", "--invert", "--format", "json")
    assert inverted.err == ""
    assert first_classes(inverted.out) == ["right"]

    np.savez(tmp_path / "all.npz", x=255 - x)
    assert tatami("predict", run, tmp_path / "all.npz").err == (
        f"note: {tmp_path}/all.npz[0] and 5 more are much brighter than the training images; "
        "if they are dark on light, try --invert\n"
    )
    assert first_classes(tatami("predict", run, tmp_path / "all.npz", "--invert", "--format", "json").out) == [
        *("left", "right") * 3
    ]
    right_side_up = tatami("predict", run, tmp_path / "bars.npz", "--invert")
    assert right_side_up.err == (
        f"note: {tmp_path}/bars.npz[0] and 5 more are much brighter than the training images; try without --invert\n"
    )


def test_the_test_split_of_a_data_file_is_an_input(tatami, run: Path, tmp_path: Path) -> None:
    result = tatami("predict", run, tmp_path / "bars.npz", "--format", "json")
    assert first_classes(result.out) == ["left", "right"] * 3
    assert result.err == ""


def test_a_sample_is_an_input(tatami, run: Path) -> None:
    result = tatami("predict", run, "sample:digits", "--top", 1)
    assert len(result.out.splitlines()) == 1000
    assert result.out.startswith("sample:digits[0]: ")
    wrong = tatami("predict", run, "sample:gunpoint")
    assert wrong.code == 2
    assert wrong.err.startswith("error: sample:gunpoint[0]: samples of another range of values; got float32")


def test_signals_are_not_inverted(tatami, run: Path) -> None:
    result = tatami("predict", run, "sample:gunpoint", "--invert")
    assert result.code == 2
    assert result.err == (
        "error: sample:gunpoint: only uint8 images are inverted; got float32; expected uint8, 0 to 255\n"
    )


def test_errors_of_training_name_the_data_as_written(tatami) -> None:
    result = tatami("train", "INPUT(20x20x1) -> FC", "sample:digits")
    assert result.err.startswith("error: sample:digits: the data do not have the shape that the network expects")
