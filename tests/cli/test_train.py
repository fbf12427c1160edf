"""The commands around a run, from training to prediction."""

import gzip
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """8x8 images of class `left` or `right`: the half that is bright."""
    rng = np.random.default_rng(1)

    def images(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % 2
        x = rng.integers(0, 60, (n, 8, 8))
        x[y == 0, :, :4] += 180
        x[y == 1, :, 4:] += 180
        return x.astype(np.uint8), y

    (x_train, y_train), (x_test, y_test) = images(40), images(10)
    path = tmp_path / "bars.npz"
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    np.savez(path, **arrays, classes=np.array(["left", "right"]))
    return path


NET = "INPUT -> CONV(4) -> RELU -> POOL -> FC"


def test_train_evaluate_predict(tatami, bars: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    trained = tatami("train", NET, bars, "--epochs", 5, "--batch", 8, "--run", run)
    assert trained.code == 0
    lines = trained.out.splitlines()
    assert lines[-1] == "test accuracy 1.0000 (10 of 10)"  # the line that others rely on
    assert lines[0].split() == ["run", str(run)]
    assert lines[1].split() == ["report", str(run / "report.html")]
    assert "epoch 5/5" in trained.err

    evaluated = tatami("evaluate", run, bars)
    assert evaluated.out.splitlines()[-1] == "test accuracy 1.0000 (10 of 10)"
    as_data = json.loads(tatami("evaluate", run, bars, "--format", "json").out)
    assert (as_data["accuracy"], as_data["correct"], as_data["total"]) == (1.0, 10, 10)

    picture = np.full((16, 16, 3), 30, np.uint8)  # another size and in colour: prepared like the training data
    picture[:, 8:] = 220
    Image.fromarray(picture).save(tmp_path / "new.png")
    predicted = tatami("predict", run, tmp_path / "new.png", "--top", 1)
    assert re.fullmatch(rf"{re.escape(str(tmp_path))}/new.png: right 0\.\d{{4}}\n|.*right 1\.0000\n", predicted.out)
    rows = json.loads(tatami("predict", run, tmp_path / "new.png", "--format", "json").out)
    assert [c["name"] for c in rows[0]["classes"]] == ["right", "left"]


def test_train_prints_json_alone_on_stdout(tatami, bars: Path, tmp_path: Path) -> None:
    result = tatami("train", NET, bars, "--epochs", 2, "--batch", 8, "--run", tmp_path / "run", "--format", "json")
    values = json.loads(result.out)
    assert values["split"] == "test"
    assert values["total"] == 10
    assert values["run"] == str(tmp_path / "run")


def truncated_idx(folder: Path) -> Path:
    folder.mkdir()
    images = struct.pack(">IIII", 0x803, 10, 4, 4) + bytes(100)  # 160 bytes of pixels are promised
    labels = struct.pack(">II", 0x801, 10) + bytes(10)
    for stem in ("train", "t10k"):
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    return folder


def with_nan(path: Path) -> Path:
    x = np.zeros((6, 10, 1), np.float32)
    x[3, 2] = np.nan
    np.savez(path, x=x, y=np.arange(6) % 2)
    return path


def with_empty_class(path: Path) -> Path:
    np.savez(path, x=np.zeros((6, 10, 1), np.float32), y=np.arange(6) % 2, classes=np.array(["a", "b", "c"]))
    return path


@pytest.mark.parametrize(
    ("net", "data", "words"),
    [
        (NET, lambda tmp: tmp / "absent.npz", ["absent.npz"]),
        (
            NET,
            lambda tmp: truncated_idx(tmp / "idx"),
            ["train-images-idx3-ubyte.gz", "got 116 bytes; expected 176 bytes"],
        ),
        ("INPUT -> CONV -> FC", lambda tmp: with_nan(tmp / "nan.npz"), ["nan.npz", "NaN", "row 3"]),
        ("INPUT -> CONV -> FC", lambda tmp: with_empty_class(tmp / "gap.npz"), ["gap.npz", "empty class", "c"]),
        ("INPUT(28x28) -> CONV -> FC", lambda tmp: "sample:digits", ["got samples of 28x28x1", "INPUT(28x28x1)"]),
        ("INPUT -> FC -> CONV -> FC", lambda tmp: "sample:digits", ["line 1:16", "CONV needs a map"]),
        ("INPUT -> CONVX -> FC", lambda tmp: "sample:digits", ["unknown layer CONVX", "did you mean CONV?"]),
        ("INPUT -> POOL*6 -> FC", lambda tmp: "sample:digits", ["does not fit"]),
    ],
    ids=["absent", "truncated IDX", "NaN", "empty class", "wrong shape", "FC before CONV", "unknown", "negative size"],
)
def test_bad_input_is_one_line_exit_2_and_nothing_written(tatami, tmp_path, monkeypatch, net, data, words) -> None:
    source = data(tmp_path)
    workplace = tmp_path / "cwd"
    workplace.mkdir()
    monkeypatch.chdir(workplace)
    result = tatami("train", net, source)
    first, *excerpt = result.err.strip().splitlines()
    assert result.code == 2
    assert result.out == ""
    assert first.startswith("error: ")
    for word in words:
        assert word in first
    assert len(excerpt) in (0, 2)
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "absent", "sample:digits"], ["absent: no such run"]),
        (["evaluate", "empty", "sample:digits"], ["empty: no trained weights here", "best.safetensors"]),
        (["predict", "damaged.safetensors", "x.png"], ["damaged.safetensors"]),
    ],
)
def test_runs_that_are_none(tatami, tmp_path, monkeypatch, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged.safetensors").write_bytes(b"\x00" * 20)
    result = tatami(*arguments)
    assert result.code == 2
    assert len(result.err.splitlines()) == 1
    for word in words:
        assert word in result.err


def test_data_of_other_classes_are_refused(tatami, bars: Path, tmp_path: Path) -> None:
    tatami("train", NET, bars, "--epochs", 1, "--run", tmp_path / "run")
    result = tatami("evaluate", tmp_path / "run", "sample:gunpoint")
    assert result.code == 2
    assert "the data have other classes than the run; got Gun, Point; expected left, right" in result.err


def test_a_picture_that_is_none(tatami, bars: Path, tmp_path: Path) -> None:
    tatami("train", NET, bars, "--epochs", 1, "--run", tmp_path / "run")
    (tmp_path / "fake.png").write_text("not a picture")
    result = tatami("predict", tmp_path / "run", tmp_path / "fake.png")
    assert result.code == 2
    assert "fake.png" in result.err
    assert len(result.err.splitlines()) == 1
