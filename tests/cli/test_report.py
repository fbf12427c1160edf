"""`tatami report`: a run to look at, from its files alone."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tatami.data import DataOptions
from tatami.train import load_trained
from tatami.train.evaluation import EVALUATION, examine, write_evaluation
from tatami.train.labelled import read_labelled


@pytest.fixture
def run(bars: Path, tmp_path: Path) -> Path:
    """A copy of the run, which has no data beside it."""
    shutil.copytree(bars / "run", tmp_path / "run")
    return tmp_path / "run"


def evaluated(run: Path, data: Path) -> None:
    trained = load_trained(run)
    labelled = read_labelled(run, trained.identity, str(data), DataOptions(), "test")
    write_evaluation(run, examine(trained.model, trained.identity, labelled.split, labelled.name))


def test_the_page_is_written_anew(tatami, bars: Path, run: Path) -> None:
    evaluated(run, bars / "bars.npz")
    (run / "report.html").unlink()
    result = tatami("report", run)
    assert (result.code, result.out, result.err) == (0, f"wrote {run}/report.html\n", "")
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "<p class=result>test accuracy 0.9333 (28 of 30)</p>" in html
    assert html.count("data:image/png;base64,") == 2 + 4  # the worst errors, and the filters of conv1
    for part in ("Calibration", "Learning rate", "samples a second", "version of numpy", "<td>command</td>", "threads"):
        assert part in html
    assert "<td>seed</td><td>0</td>" in html


def test_other_files_on_request(tatami, run: Path, tmp_path: Path) -> None:
    before = (run / "report.html").read_bytes()
    files = [tmp_path / "page.html", tmp_path / "x.csv", tmp_path / "x.png"]
    result = tatami("report", run, "-o", files[0], "--csv", files[1], "--png", files[2])
    assert result.out == f"wrote {files[0]}, {files[1]}, {files[2]}\n"
    assert files[0].read_text().startswith("<!doctype html>")
    assert files[1].read_text().startswith("class,precision,recall,f1,support,predicted\nleft,0.9,0.9,0.9")
    Image.open(files[2]).load()
    assert (run / "report.html").read_bytes() == before


@pytest.mark.parametrize(("option", "name"), [("-o", "a.png"), ("--csv", "a.html"), ("--png", "a.jpg")])
def test_a_name_of_another_kind_of_file_is_refused(tatami, run: Path, tmp_path: Path, option: str, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    result = tatami("report", run, option, tmp_path / name)
    assert (result.code, result.out) == (2, "")
    assert f"{option} writes another kind of file; got {tmp_path / name}; expected a name *." in result.err
    assert (tmp_path / name).read_bytes() == b"mine"


def test_without_an_evaluation_the_events_tell_the_result(tatami, run: Path) -> None:
    (run / EVALUATION).unlink(missing_ok=True)
    tatami("report", run)
    html = (run / "report.html").read_text(encoding="utf-8")
    assert "<p class=result>test accuracy 0.9333 (28 of 30)</p>" in html
    assert "Classes, the least recalled first" in html
    assert "Calibration" not in html


def test_a_run_that_has_not_ended_shows_no_result_of_before(tatami, bars: Path, run: Path) -> None:
    evaluated(run, bars / "bars.npz")
    lines = (run / "events.jsonl").read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"event": "tested"' not in line and '"event": "ended"' not in line]
    assert len(kept) == len(lines) - 2
    (run / "events.jsonl").write_text("".join(kept))
    tatami("report", run)
    assert "class=result>" not in (run / "report.html").read_text()
    result = tatami("report", run, "--csv", run / "x.csv")
    assert result.code == 2
    assert "there are no results to write; got a run that was not tested" in result.err


def test_what_is_no_run(tatami, run: Path, tmp_path: Path) -> None:
    result = tatami("report", tmp_path / "absent")
    assert (result.code, result.err) == (
        2,
        f"error: {tmp_path}/absent: not a run; expected a directory with events.jsonl\n",
    )
    (run / EVALUATION).write_text("{}")
    result = tatami("report", run)
    assert result.code == 2
    assert result.err.startswith(f"error: {run}/evaluation.json: this evaluation is damaged")
