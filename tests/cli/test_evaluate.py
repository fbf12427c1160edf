"""`tatami evaluate`: its line, its table, its files, and the data that it takes."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score

from tatami.data import load
from tatami.train import load_trained
from tatami.train.events import EpochEnded
from tatami.train.run import Run


def as_json(tatami, *arguments: object) -> dict:
    result = tatami("evaluate", *arguments, "--format", "json")
    assert result.code == 0, result.err
    return json.loads(result.out)


def test_a_table_of_the_classes_and_the_line(tatami, bars: Path) -> None:
    result = tatami("evaluate", bars / "run", bars / "bars.npz")
    assert (result.code, result.err) == (0, "")
    *table, line = result.out.splitlines()
    assert line == "test accuracy 0.9333 (28 of 30)"  # two labels are wrong
    rows = {words[0]: words[1:] for words in (row.split() for row in table) if words}
    assert rows["class"] == ["precision", "recall", "F1", "samples", "predicted"]
    assert rows["both"] == ["1.0000", "1.0000", "1.0000", "10", "10"]
    assert rows["left"] == ["0.9000", "0.9000", "0.9000", "10", "10"]


def test_json_gives_all_of_it(tatami, bars: Path) -> None:
    found = as_json(tatami, bars / "run", bars / "bars.npz")
    assert (found["split"], found["accuracy"], found["correct"], found["total"]) == ("test", 28 / 30, 28, 30)
    assert found["confusion"] == [[9, 1, 0], [1, 9, 0], [0, 0, 10]]
    assert found["run"] == str(bars / "run")
    assert [worst["sample"] for worst in found["worst"]] in (["row 0", "row 1"], ["row 1", "row 0"])
    assert 0 < found["calibration"]["error"] < 1
    trained, dataset = load_trained(bars / "run"), load(str(bars / "bars.npz"))
    assert dataset.test is not None
    scores = trained.model.forward(trained.identity.preprocess(dataset.test.x))
    assert found["accuracy"] == accuracy_score(dataset.test.y, scores.argmax(axis=1))


def test_the_parts_of_the_runs_own_data_are_those_of_training(tatami, bars: Path) -> None:
    """The validation part is what the run held out: it gives the best epoch's loss once more."""
    epochs = [event for event in Run(bars / "run").events() if isinstance(event, EpochEnded)]
    best = [event for event in epochs if event.is_best][-1]
    held = as_json(tatami, bars / "run", bars / "bars.npz", "--split", "validation")
    assert (held["split"], held["total"]) == ("validation", 12)
    assert held["loss"] == pytest.approx(best.validation_loss, rel=1e-5)
    assert held["accuracy"] == best.validation_accuracy
    rest = as_json(tatami, bars / "run", bars / "bars.npz", "--split", "train")
    assert (rest["split"], rest["total"]) == ("train", 48)
    whole = as_json(tatami, bars / "run", bars / "bars.npz", "--split", "all")
    assert (whole["split"], whole["total"]) == ("data", 90)
    assert whole["correct"] == held["correct"] + rest["correct"] + 28
    assert whole["worst"][0]["sample"] in {f"{split} row {row}" for split in ("train", "test") for row in (0, 1)}


def test_other_data_have_no_validation_part(tatami, bars: Path, tmp_path: Path) -> None:
    with np.load(bars / "bars.npz") as arrays:
        np.savez(tmp_path / "new.npz", x=arrays["x_test"], y=arrays["y_test"], classes=arrays["classes"])
    result = tatami("evaluate", bars / "run", tmp_path / "new.npz", "--split", "validation")
    assert (result.code, result.out) == (2, "")
    assert result.err == (f"error: these data have no validation split; got {tmp_path}/new.npz; expected train, all\n")
    assert tatami("evaluate", bars / "run", tmp_path / "new.npz").out.endswith("data accuracy 0.9333 (28 of 30)\n")


def test_classes_are_matched_by_name(tatami, bars: Path, tmp_path: Path) -> None:
    """Two of the three classes, in another order: labels are those of the names."""
    with np.load(bars / "bars.npz") as arrays:
        x, y = arrays["x_test"], arrays["y_test"]
    kept = y != 0
    np.savez(tmp_path / "two.npz", x=x[kept], y=2 - y[kept], classes=["both", "right"])
    found = as_json(tatami, bars / "run", tmp_path / "two.npz")
    assert found["confusion"] == [[0, 0, 0], [1, 9, 0], [0, 0, 10]]
    assert [each["support"] for each in found["classes"]] == [0, 10, 10]


def test_one_class_too_many_is_refused(tatami, bars: Path, tmp_path: Path) -> None:
    with np.load(bars / "bars.npz") as arrays:
        np.savez(tmp_path / "more.npz", x=arrays["x_test"], y=arrays["y_test"], classes=["left", "right", "none"])
    result = tatami("evaluate", bars / "run", tmp_path / "more.npz")
    assert result.code == 2
    assert result.err == (
        f"error: {tmp_path}/more.npz: the data have other classes than the run; "
        "got left, right, none; expected left, right, both\n"
    )


def test_images_of_another_size_are_adapted(tatami, bars: Path, tmp_path: Path) -> None:
    with np.load(bars / "bars.npz") as arrays:
        x = arrays["x_test"].repeat(3, axis=1).repeat(3, axis=2)
        np.savez(tmp_path / "large.npz", x=np.stack([x] * 3, axis=-1), y=arrays["y_test"], classes=arrays["classes"])
    assert tatami("evaluate", bars / "run", tmp_path / "large.npz").out.endswith("data accuracy 0.9333 (28 of 30)\n")


def test_page_csv_and_png(tatami, bars: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("page.html", "classes.csv", "picture.png")]
    before = (bars / "run" / "report.html").read_bytes()
    result = tatami("evaluate", bars / "run", bars / "bars.npz", *zip_options(files))
    assert result.out.endswith("test accuracy 0.9333 (28 of 30)\n")
    assert result.err == f"wrote {files[0]}, {files[1]}, {files[2]}\n"
    html = files[0].read_text(encoding="utf-8")
    assert "<p class=result>test accuracy 0.9333 (28 of 30)</p>" in html
    assert f"evaluated on {bars}/bars.npz" in html
    assert html.count("data:image/png;base64,") == 2 + 4  # the two errors; the filters of the first CONV
    assert "Validation accuracy" in html  # the run's own curves
    rows = list(csv.DictReader(files[1].read_text().splitlines()))
    assert [row["class"] for row in rows] == ["left", "right", "both"]
    Image.open(files[2]).load()
    assert (bars / "run" / "report.html").read_bytes() == before


def zip_options(files: list[Path]) -> list[object]:
    return [word for pair in zip(("-o", "--csv", "--png"), files, strict=True) for word in pair]


def test_weights_alone_have_a_page_too(tatami, bars: Path, tmp_path: Path) -> None:
    weights = tmp_path / "alone.safetensors"
    weights.write_bytes((bars / "run" / "best.safetensors").read_bytes())
    tatami("evaluate", weights, bars / "bars.npz", "-o", tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>alone.safetensors, evaluated on" in html
    assert "Learning rate" not in html


def test_a_file_that_cannot_be_written(tatami, bars: Path, tmp_path: Path) -> None:
    result = tatami("evaluate", bars / "run", bars / "bars.npz", "--csv", tmp_path / "absent" / "x.csv")
    assert result.code == 2
    assert "cannot write this file" in result.err


def test_a_run_of_classes_is_not_held_against_targets(tatami, bars: Path, tmp_path: Path) -> None:
    result = tatami("evaluate", bars / "run", "sample:gunpoint")
    assert result.code == 2
    assert "the data have other classes than the run; got Gun, Point; expected left, right, both" in result.err


def test_every_option_is_in_the_help(tatami) -> None:
    text = re.sub(r"\s+", " ", tatami("evaluate", "--help").out)
    for option in ("--split", "--csv", "--png", "--output", "--format", "--size"):
        assert option in text
