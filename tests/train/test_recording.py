"""What a run keeps of its end: the evaluation, its event, notes; and a kill between any two of them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tatami.data import load
from tatami.network import find_network
from tatami.train import TrainConfig, loop, recording, resume, train
from tatami.train import events as told_events
from tatami.train.evaluation import EVALUATION, read_evaluation
from tatami.train.events import Ended, EpochEnded, Event, Measured
from tatami.train.report import read_report
from tatami.train.run import Run

NET = "INPUT -> CONV(4) -> RELU -> POOL -> FC"


def never(event: Event) -> None:
    pass


def settings(data: Path, **given: Any) -> TrainConfig:
    return TrainConfig(str(data), **{"epochs": 3, "batch": 8, "lr": 0.01, "validation": 0.2, **given})


@pytest.fixture
def slopes(tmp_path: Path) -> Path:
    """A regression: signals whose target is their slope, in hundreds."""
    y = np.linspace(-300, 300, 60).astype(np.float32)
    x = (y[:, None] / 100 * np.linspace(-1, 1, 16))[..., None].astype(np.float32)
    order = np.random.default_rng(0).permutation(60)
    x, y = x[order], y[order]
    path = tmp_path / "slopes.npz"
    np.savez(path, x_train=x[:48], y_train=y[:48], x_test=x[48:], y_test=y[48:])
    return path


def test_a_classification_keeps_its_evaluation(stripes: Path, tmp_path: Path) -> None:
    outcome = train(find_network(NET), settings(stripes), tmp_path / "run", never)
    found = read_evaluation(tmp_path / "run")
    assert found is not None
    assert found.classes is not None
    assert found.classes.calibration is not None
    assert isinstance(outcome.tested, told_events.Tested)
    assert (found.split, found.total, found.classes.accuracy) == ("test", 20, outcome.tested.accuracy)
    assert (outcome.loss, found.loss) == (outcome.tested.loss, outcome.tested.loss)
    assert "calibration" in (tmp_path / "run" / "report.html").read_text()


def test_a_regression_is_measured_in_its_own_units(slopes: Path, tmp_path: Path, tatami) -> None:
    result = tatami(
        *("train", "INPUT -> FC", slopes, "--epochs", 40, "--lr", 0.05, "--batch", 8, "--run", tmp_path / "run")
    )
    assert result.code == 0, result.err
    assert ", 1 target, 40 epochs" in " ".join(result.err.split())
    measured = next(event for event in Run(tmp_path / "run").events() if isinstance(event, Measured))
    assert (measured.split, measured.total) == ("test", 12)
    assert measured.r2 > 0.99
    assert result.out.splitlines()[-1] == f"test R2 {measured.r2:.4f}, RMSE {measured.rmse:.4g} (12 samples)"
    # In the units of the targets: the root of the standardised loss, times their deviation.
    with np.load(slopes) as arrays:
        deviation = arrays["y_train"].std()
    assert measured.rmse == pytest.approx(np.sqrt(measured.loss) * deviation, rel=0.02)
    page = (tmp_path / "run" / "report.html").read_text()
    assert f"{measured.rmse:.4g}" in page
    again = tatami("evaluate", tmp_path / "run", slopes)
    assert again.out.splitlines()[-1] == result.out.splitlines()[-1]


def test_without_test_samples_those_held_out_are_measured(slopes: Path, tmp_path: Path) -> None:
    with np.load(slopes) as arrays:
        np.savez(tmp_path / "train-only.npz", x=arrays["x_train"], y=arrays["y_train"])
    outcome = train(find_network("INPUT -> FC"), settings(tmp_path / "train-only.npz"), tmp_path / "run", never)
    assert isinstance(outcome.tested, Measured)
    assert (outcome.tested.split, outcome.tested.total) == ("validation", 10)


class Killed(BaseException):
    """In place of SIGKILL: nobody catches it."""


def kill(*arguments: object, **named: object) -> None:
    raise Killed


@pytest.mark.parametrize("victim", ["examine", "write_evaluation", "event_of", "read_report", "atomic_write"])
def test_a_run_killed_at_its_end_is_tested_again(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    whole = train(find_network(NET), settings(stripes), tmp_path / "whole", never)
    with monkeypatch.context() as patch:
        patch.setattr(recording, victim, kill)
        with pytest.raises(Killed):
            train(find_network(NET), settings(stripes), tmp_path / "run", never)
    run = Run(tmp_path / "run")
    ended = any(isinstance(event, Ended) for event in run.events())
    assert ended == (victim in ("read_report", "atomic_write"))
    report = read_report(run)  # whatever happened, there is one
    assert (report.evaluation is not None) == ended
    if not ended:
        assert resume(run.path, never).tested == whole.tested
        kinds = [event.kind for event in run.events()]
        assert (kinds.count("epoch"), kinds.count("tested"), kinds.count("ended")) == (3, 1, 1)
        assert (run.path / "report.html").exists()


def test_a_run_killed_between_an_epochs_event_and_its_weights(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a save after every step: the epoch's last step is saved, its end is not."""
    config = settings(stripes, save_every=1e-9)
    monkeypatch.setattr("tatami.train.loop.REPORT_EVERY", 0)
    whole = train(find_network(NET), config, tmp_path / "whole", never)
    save = Run.save

    def fatal(self: Run, model: Any, identity: Any, progress: Any, *rest: Any, **named: Any) -> None:
        if (progress.epoch, progress.batch) == (2, 0):
            raise Killed
        save(self, model, identity, progress, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save", fatal)
        with pytest.raises(Killed):
            train(find_network(NET), config, tmp_path / "run", never)
    assert resume(tmp_path / "run", never).tested == whole.tested
    told = [[e for e in Run(tmp_path / run).events() if isinstance(e, EpochEnded)] for run in ("whole", "run")]
    assert [replace(e, seconds=0) for e in told[0]] == [replace(e, seconds=0) for e in told[1]]


def test_a_run_that_goes_on_forgets_its_evaluation(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(find_network(NET), settings(stripes), tmp_path / "run", never)
    assert (tmp_path / "run" / EVALUATION).exists()
    with monkeypatch.context() as patch:
        patch.setattr(recording, "examine", kill)
        with pytest.raises(Killed):
            resume(tmp_path / "run", never, epochs=4)
    assert not (tmp_path / "run" / EVALUATION).exists()
    assert read_report(Run(tmp_path / "run")).evaluation is None


# --- notes ---


@pytest.mark.parametrize(("delay", "worth", "says"), [(0.02, 0.0, True), (0.02, 1e6, False), (0.0, 0.0, False)])
def test_an_engine_that_waited_for_data_is_told_of_once(
    stripes: Path, tmp_path: Path, tatami, monkeypatch: pytest.MonkeyPatch, delay: float, worth: float, says: bool
) -> None:
    now = 0.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    class Slow(loop.Loader):  # type: ignore[misc]
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._ahead = 0  # in this thread, where batches and steps take turns

        def _prepare(self, *arguments: Any) -> Any:
            began = now
            batch = super()._prepare(*arguments)
            pass_by(delay)
            return replace(batch, seconds=now - began)

    step: Callable[..., float] = loop.Trainer.step

    def slow_step(*arguments: Any) -> float:
        pass_by(0.005)
        return step(*arguments)

    monkeypatch.setattr(loop, "Loader", Slow)
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=lambda: now))
    monkeypatch.setattr(loop.Trainer, "step", slow_step)
    monkeypatch.setattr(recording, "WORTH_SAYING", worth)
    result = tatami("train", NET, stripes, "--epochs", 2, "--batch", 8, "--lr", 0.01, "--run", tmp_path / "run")
    assert result.code == 0, result.err
    found = re.findall(r"note: the engine waited (\d+)% of the time for data", " ".join(result.err.split()))
    assert len(found) == says
    assert all(int(share) == 80 for share in found)
    assert ("the engine waited" in (tmp_path / "run" / "report.html").read_text()) == says


def test_what_the_reader_of_the_data_chose_is_told(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noted(*arguments: Any) -> Any:
        return replace(load(*arguments), notes=("a column was left out",))

    monkeypatch.setattr("tatami.train.material.load", noted)
    train(find_network(NET), settings(stripes), tmp_path / "run", never)
    started = json.loads((tmp_path / "run" / "events.jsonl").read_text().splitlines()[0])
    assert "a column was left out" in started["notes"]


def test_the_report_shows_the_filters_of_the_weights_that_are_kept(stripes: Path, tmp_path: Path) -> None:
    train(find_network("INPUT -> CONV(4, 3) -> RELU -> FC"), settings(stripes), tmp_path / "run", never)
    run = Run(tmp_path / "run")
    bank = read_report(run).filters
    assert bank is not None
    np.testing.assert_array_equal(bank.values, run.best_weights()["conv1.weight"])
    assert 'alt="conv1, filter 3' in (tmp_path / "run" / "report.html").read_text()
    (tmp_path / "run" / "best.safetensors").unlink()
    assert read_report(run).filters is None
    train(find_network("INPUT -> FC"), settings(stripes), tmp_path / "plain", never)
    assert read_report(Run(tmp_path / "plain")).filters is None


@pytest.mark.parametrize(("epochs", "said"), [(1, "1 epoch in "), (2, "2 epochs in ")])
def test_the_report_counts_epochs(stripes: Path, tmp_path: Path, epochs: int, said: str) -> None:
    train(find_network(NET), replace(settings(stripes), epochs=epochs), tmp_path / "run", never)
    assert dict(read_report(Run(tmp_path / "run")).facts)["training"].startswith(f"finished, {said}")
