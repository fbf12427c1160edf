"""A run that is stopped anywhere, even by SIGKILL, goes on as if it had never stopped: bit for bit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tatami as package
from tatami.errors import DataError, OptionError, RunError
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.train import TrainConfig, recording, resume, train
from tatami.train.events import EpochEnded, Event, Resumed, Stepped
from tatami.train.progress import Progress
from tatami.train.run import Run

NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.2) -> FC"


def settings(data: Path, **given: object) -> TrainConfig:
    usual = {"epochs": 4, "batch": 8, "lr": 0.01, "validation": 0.2, "augment": "light", "clip_norm": 1.0, "ema": 0.9}
    return TrainConfig(str(data), **{**usual, **given})  # type: ignore[arg-type]


def never(event: Event) -> None:
    pass


def stop_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[Event], None]:
    """Make the session believe in a Ctrl-C once this many steps are told of; returns the listener that counts."""
    seen = {"step": 0}

    class Stop:
        def __enter__(self) -> Callable[[], bool]:
            return lambda: seen["step"] >= steps

        def __exit__(self, *error: object) -> None:
            return None

    def listen(event: Event) -> None:
        if isinstance(event, Stepped):
            seen["step"] = event.step

    monkeypatch.setattr(recording, "stop_on_interrupt", lambda ranks: Stop())
    monkeypatch.setattr("tatami.train.loop.REPORT_EVERY", 0)
    return listen


def same(a: Path, b: Path, name: str) -> bool:
    (one, _), (other, _) = load_weights(a / name), load_weights(b / name)
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("steps", [1, 4, 5, 7, 14])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_stopped_anywhere_ends_as_if_it_had_not(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int, accumulate: int
) -> None:
    config = settings(stripes, accumulate=accumulate, smoothing=0.1, class_weight="balanced")
    if accumulate == 2:
        steps //= 2
    whole = train(find_network(NET), config, tmp_path / "whole", never)
    with monkeypatch.context() as patch:
        stopped = train(find_network(NET), config, tmp_path / "run", stop_after(max(steps, 1), patch))
    assert stopped.interrupted
    again = resume(tmp_path / "run", never)
    assert not again.interrupted
    assert again.tested == whole.tested
    for name in ("last.safetensors", "best.safetensors"):
        assert same(tmp_path / "whole", tmp_path / "run", name)
    told = [[e for e in Run(tmp_path / run).events() if isinstance(e, EpochEnded)] for run in ("whole", "run")]
    assert [replace(e, seconds=0) for e in told[0]] == [replace(e, seconds=0) for e in told[1]]


def test_events_of_steps_that_are_done_again_are_dropped(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        train(find_network(NET), settings(stripes), tmp_path / "run", stop_after(7, patch))
    run = Run(tmp_path / "run")
    step = run.checkpoint().progress.step
    resume(run.path, never)
    events = run.events()
    (at,) = [i for i, event in enumerate(events) if isinstance(event, Resumed)]
    assert events[at].step == step  # type: ignore[attr-defined]
    assert all(event.step <= step for event in events[:at] if isinstance(event, Stepped | EpochEnded))
    assert all(event.step > step for event in events[at:] if isinstance(event, Stepped | EpochEnded))
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1, 2, 3, 4]


def test_a_finished_run_is_extended_and_its_schedule_stretched(stripes: Path, tmp_path: Path) -> None:
    config = settings(stripes, epochs=2, schedule="cosine")
    train(find_network(NET), config, tmp_path / "run", never)
    with pytest.raises(RunError) as caught:
        resume(tmp_path / "run", never)
    path = tmp_path / "run"
    assert str(caught.value) == f"{path}: this run is finished; got 2 of 2 epochs (hint: --epochs 4 gives it more)"
    events: list[Event] = []
    resume(path, events.append, epochs=4)
    (resumed,) = [event for event in events if isinstance(event, Resumed)]
    assert resumed.notes == ["4 epochs instead of 2: the cosine schedule is stretched"]
    rates = [event.lr for event in events if isinstance(event, EpochEnded)][2:]
    steps = resumed.steps
    expected = [0.01 * (1 + np.cos(np.pi * (steps * epoch // 4 - 1) / steps)) / 2 for epoch in (3, 4)]
    assert rates == pytest.approx(expected)
    assert Run(path).config().epochs == 4


def test_fewer_epochs_than_are_done(stripes: Path, tmp_path: Path) -> None:
    train(find_network(NET), settings(stripes, epochs=3), tmp_path / "run", never)
    with pytest.raises(OptionError, match="fewer epochs than are done; got 2; expected more than 3"):
        resume(tmp_path / "run", never, epochs=2)


def test_other_data_are_refused(stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        train(find_network(NET), settings(stripes), tmp_path / "run", stop_after(3, patch))
    with np.load(stripes) as arrays:
        changed = dict(arrays)
    changed["x_train"][5, 0, 0] ^= 1
    np.savez(stripes, **changed)
    before = {file: file.read_bytes() for file in (tmp_path / "run").iterdir()}
    with pytest.raises(
        DataError, match="the data are no longer those of the run; got 48 training samples, or others, of another"
    ):
        resume(tmp_path / "run", never)
    assert {file: file.read_bytes() for file in (tmp_path / "run").iterdir()} == before


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        resume(tmp_path / "none", never)
    assert str(caught.value) == f"{tmp_path / 'none'}: not a run; expected a directory with config.toml"


def test_progress_comes_back_bit_for_bit() -> None:
    progress = Progress(7, 1, 2, 16, 0.1 + 0.2, 1 / 3, float("inf"), 0, 12.5)
    assert Progress.from_json(progress.to_json(), "x") == progress
    with pytest.raises(RunError, match="x: the progress of this run is damaged"):
        Progress.from_json('{"step": "one"}', "x")


def test_killed_at_random_moments(stripes: Path, tmp_path: Path) -> None:
    """SIGKILL leaves no time to save: the run goes on from what was saved last."""
    rng = np.random.default_rng(0)
    options = ["--epochs", "40", "--batch", "8", "--lr", "0.01", "--augment", "light", "--save-every", "0.02"]
    command = [sys.executable, "-m", "tatami"]
    environment = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parent.parent)}

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*command, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert begin("train", NET, str(stripes), *options, "--run", str(whole)).wait(60) == 0
    process = begin("train", NET, str(stripes), *options, "--run", str(killed))
    kills = 0
    while kills < 3:
        while process.poll() is None and not (killed / "last.safetensors").exists():
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0, 0.4)) if kills == 0 else float(rng.uniform(0.6, 1.2)))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        kills += 1
        process = begin("resume", str(killed))
    assert process.wait(60) in (0, 2)  # 2: it was finished already
    assert kills
    for name in ("last.safetensors", "best.safetensors"):
        assert same(whole, killed, name)


def test_a_run_is_written_by_one_process_at_a_time(stripes: Path, tmp_path: Path) -> None:
    run = train(find_network(NET), settings(stripes, epochs=2), tmp_path / "run", never).run
    before = (run.path / "events.jsonl").read_bytes()
    with run.alone(), pytest.raises(RunError, match="another process is training this run"):
        resume(run.path, never, epochs=4)
    assert (run.path / "events.jsonl").read_bytes() == before
    assert resume(run.path, never, epochs=4).tested is not None


def test_a_run_out_of_patience_is_extended(stripes: Path, tmp_path: Path) -> None:
    config = settings(stripes, epochs=30, patience=1, lr=1e-9)
    first: list[Event] = []
    train(find_network(NET), config, tmp_path / "run", first.append)
    done = sum(isinstance(event, EpochEnded) for event in first)
    assert done < 30
    events: list[Event] = []
    resume(tmp_path / "run", events.append, epochs=done + 2)
    (resumed,) = [event for event in events if isinstance(event, Resumed)]
    assert "patience is set aside" in resumed.notes
    assert sum(isinstance(event, EpochEnded) for event in events) == done + 2


def test_other_validation_data_or_classes_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {"x_train": rng.normal(size=(16, 6)), "y_train": np.arange(16) % 2, "classes": np.array(["a", "b"])}
    arrays |= {"x_val": rng.normal(size=(4, 6)), "y_val": np.arange(4) % 2}
    np.savez(tmp_path / "d.npz", **arrays)
    run = tmp_path / "run"
    train(find_network("INPUT -> FC"), TrainConfig(str(tmp_path / "d.npz"), epochs=1), run, never)
    for change in ({"classes": np.array(["b", "a"])}, {"x_val": arrays["x_val"] + 1}):
        np.savez(tmp_path / "d.npz", **{**arrays, **change})
        with pytest.raises(DataError, match="the data are no longer those of the run"):
            resume(run, never, epochs=2)
    np.savez(tmp_path / "d.npz", **arrays)
    resume(run, never, epochs=2)


def test_blended_labels_and_hinge_do_not_go_together(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"which the hinge loss cannot take \(hint: --augment light\)"):
        train(find_network(NET), settings(stripes, loss="hinge", augment="strong"), tmp_path / "run", never)
    assert not (tmp_path / "run").exists()
