"""What `tatami predict` reads and prints, and what it says about pictures in negative."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tatami.data import Preprocess, load
from tatami.engines import compile
from tatami.formats import save_weights
from tatami.network import find_network
from tatami.recipe import MeanSquaredError
from tatami.train import load_trained, predict_files
from tatami.train.evaluation import probabilities
from tatami.train.inputs import resolve
from tatami.train.metrics import score
from tatami.train.predict import predictions
from tatami.train.run import Identity
from tatami.train.targets import Standard


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


# --- files, folders, patterns, standard input ---


@pytest.fixture
def pictures(bars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a folder `new` with the first three pictures of the test, 0.png is of class `right`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new").mkdir()
    with np.load(bars / "bars.npz") as arrays:
        for row in range(3):
            Image.fromarray(arrays["x_test"][row]).save(tmp_path / "new" / f"{row}.png")
    return tmp_path


def likeliest(out: str) -> dict[str, str]:
    return {line.split(": ")[0]: line.split(": ")[1].split()[0] for line in out.splitlines()}


EXPECTED = {"new/0.png": "left", "new/1.png": "right", "new/2.png": "both"}


@pytest.mark.parametrize("arguments", [("new",), ("new/*.png",), ("new/0.png", "new/1.png", "new/2.png"), ("-",)])
def test_folders_patterns_and_lists(
    tatami, bars: Path, pictures: Path, monkeypatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\n".join(EXPECTED).encode())))
    result = tatami("predict", bars / "run", *arguments, "--top", 1)
    assert (result.code, result.err) == (0, "")
    assert likeliest(result.out) == EXPECTED


def test_a_picture_on_standard_input(tatami, bars: Path, pictures: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((pictures / "new" / "1.png").read_bytes())))
    assert likeliest(tatami("predict", bars / "run", "-").out) == {"-": "right"}


def test_what_cannot_be_read_is_named_and_left_out(tatami, bars: Path, pictures: Path) -> None:
    (pictures / "new" / "0a.png").write_bytes(b"")
    (pictures / "new" / "1a.jpg").write_text("text")
    result = tatami("predict", bars / "run", "new", "absent.png", "*.gif", "--format", "json")
    assert result.code == 1
    assert {row["sample"]: row["classes"][0]["name"] for row in json.loads(result.out)} == EXPECTED
    first, second, third, fourth = result.err.splitlines()
    assert first.startswith("left out: absent.png: no such file")
    assert second == "left out: *.gif: nothing matches this pattern"
    assert third.startswith("left out: new/0a.png: not a readable picture")
    assert fourth.startswith("left out: new/1a.jpg: not a readable picture")


@pytest.mark.parametrize("argument", ["absent.png", "bad", "bad/x.png", "*.gif"])
def test_the_only_file_that_cannot_be_read_is_an_error(tatami, bars: Path, pictures: Path, argument: str) -> None:
    (pictures / "bad").mkdir()
    (pictures / "bad" / "x.png").write_bytes(b"")
    result = tatami("predict", bars / "run", argument, "--format", "csv", "-o", "out.csv")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert len(result.err.splitlines()) == 1
    assert not (pictures / "out.csv").exists()


def test_where_nothing_can_be_read_the_list_is_empty(tatami, bars: Path, pictures: Path) -> None:
    result = tatami("predict", bars / "run", "a.png", "b.png", "--format", "json")
    assert (result.code, result.out) == (1, "[]\n")


# --- formats ---


def test_csv(tatami, bars: Path, pictures: Path) -> None:
    rows = list(csv.DictReader(tatami("predict", bars / "run", "new", "--format", "csv", "--top", 2).out.splitlines()))
    assert list(rows[0]) == ["sample", "class_1", "probability_1", "class_2", "probability_2"]
    assert {row["sample"]: row["class_1"] for row in rows} == EXPECTED
    assert all(float(row["probability_1"]) > float(row["probability_2"]) for row in rows)
    many = tatami("predict", bars / "run", "new", "--format", "csv", "--top", 99).out.splitlines()
    assert many[0].endswith("class_3,probability_3")


@pytest.mark.parametrize("format", ["table", "json", "csv"])
def test_every_format_goes_into_a_file(tatami, bars: Path, pictures: Path, format: str) -> None:
    printed = tatami("predict", bars / "run", "new", "--format", format).out
    result = tatami("predict", bars / "run", "new", "--format", format, "-o", "out")
    assert (result.code, result.out) == (0, "")
    assert (pictures / "out").read_text(encoding="utf-8") == printed
    assert sorted(path.name for path in pictures.iterdir()) == ["new", "out"]


@pytest.fixture
def speeds(tmp_path: Path) -> Path:
    """The weights of a regression: `speed` is 10 plus the first value, `heat` always 5."""
    net = "INPUT(2x1) -> FC(2)"
    standard = Standard(("speed", "heat"), (10.0, 5.0), (2.0, 3.0))
    identity = Identity(net, (), Preprocess("signal", (2, 1), 1.0, (0.0,), (1.0,)), MeanSquaredError(), standard)
    model = compile(find_network(net).build(), "textbook", loss=MeanSquaredError())
    weights = {name: np.zeros_like(value) for name, value in model.state_dict().items()}
    weights["fc1.weight"][0, 0] = 0.5
    save_weights(tmp_path / "speeds.safetensors", weights, identity.to_metadata())
    np.savez(tmp_path / "new.npz", x=np.array([[[3], [9]], [[-4], [9]]], np.float32))
    return tmp_path


def test_the_values_of_a_regression(tatami, speeds: Path, monkeypatch) -> None:
    monkeypatch.chdir(speeds)
    assert tatami("predict", "speeds.safetensors", "new.npz").out == (
        "new.npz[0]: speed 13, heat 5\nnew.npz[1]: speed 6, heat 5\n"
    )
    assert tatami("predict", "speeds.safetensors", "new.npz", "--format", "csv").out == (
        "sample,speed,heat\nnew.npz[0],13.0,5.0\nnew.npz[1],6.0,5.0\n"
    )
    rows = json.loads(tatami("predict", "speeds.safetensors", "new.npz", "--format", "json").out)
    assert rows[1] == {
        "sample": "new.npz[1]",
        "targets": [{"name": "speed", "value": 6.0}, {"name": "heat", "value": 5.0}],
    }


# --- the same as validation ---


def test_predicting_the_files_of_a_split_gives_its_scores(tatami, bars: Path, tmp_path: Path) -> None:
    """To the last bit: files are read, prepared and computed on as the samples of validation are."""
    trained, dataset = load_trained(bars / "run"), load(str(bars / "bars.npz"))
    for row, image in enumerate(dataset.train.x):
        Image.fromarray(image[..., 0]).save(tmp_path / f"{row:03}.png")
    found = predict_files(bars / "run", [tmp_path], top=3)
    scores = score(trained.model, dataset.train, trained.identity.preprocess).scores
    expected = probabilities(trained.network, scores)
    classes = trained.identity.classes
    assert [p.sample for p in found] == [str(tmp_path / f"{row:03}.png") for row in range(60)]
    assert np.array_equal([[dict(p.ranked)[name] for name in classes] for p in found], expected.astype(float))


def test_no_more_than_a_file_and_a_batch_are_held(bars: Path, pictures: Path) -> None:
    """Predictions of the first batch come before the files of the second are read."""
    trained = load_trained(bars / "run", batch=2)
    sources, _ = resolve(["new/0.png", "new/1.png", "new/2.png"])
    read = []

    class Counted:
        def __init__(self, source) -> None:
            self.source, self.name = source, source.name

        def read(self, kind, options):
            read.append(self.name)
            return self.source.read(kind, options)

    stream = predictions(trained, map(Counted, sources))  # type: ignore[arg-type]
    assert next(stream).sample == "new/0.png"
    assert read == ["new/0.png", "new/1.png"]
    assert [p.sample for p in stream] == ["new/1.png", "new/2.png"]
