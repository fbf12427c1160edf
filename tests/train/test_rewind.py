"""Epochs that are kept, and runs that begin at one: bit for bit the run that went on from there."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tatami.errors import OptionError, RunError
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.train import TrainConfig, resume, train
from tatami.train.events import EpochEnded, Event, Paused, Resumed, Stepped
from tatami.train.rewind import chosen_epochs, kept_epochs, rewind
from tatami.train.run import Run
from tatami.train.steering import Commands

NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.2) -> FC"


def settings(data: Path, **given: object) -> TrainConfig:
    usual = {"epochs": 6, "batch": 8, "lr": 0.02, "validation": 0.2, "augment": "light", "ema": 0.9, "keep_epochs": 8}
    return TrainConfig(str(data), **{**usual, **given})  # type: ignore[arg-type]


def never(event: Event) -> None:
    pass


def test_which_epochs_are_chosen() -> None:
    assert chosen_epochs(5, 0) == []
    assert chosen_epochs(5, 5) == [1, 2, 3, 4, 5]
    assert chosen_epochs(6, 5) == [2, 4, 6]
    assert chosen_epochs(23, 5) == [4, 8, 12, 16, 20]
    for most in (1, 2, 7, 24):
        for done in range(1, 200):
            chosen = chosen_epochs(done, most)
            assert 1 <= len(chosen) <= most
            assert set(chosen) <= {*chosen_epochs(done - 1, most), done}


def files(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def same(a: Path, b: Path) -> bool:
    for name in ("last.safetensors", "best.safetensors"):
        (one, _), (other, _) = load_weights(a / name), load_weights(b / name)
        if one.keys() != other.keys() or not all(np.array_equal(one[key], other[key]) for key in one):
            return False
    return True


def epochs_of(run: Path) -> list[EpochEnded]:
    return [replace(event, seconds=0) for event in Run(run).events() if isinstance(event, EpochEnded)]


def test_a_rewound_run_goes_on_as_the_straight_one(stripes: Path, tmp_path: Path) -> None:
    whole = train(find_network(NET), settings(stripes), tmp_path / "whole", never)
    before = files(tmp_path / "whole")
    assert kept_epochs(whole.run) == [1, 2, 3, 4, 5, 6]
    best = [event.epoch for event in epochs_of(tmp_path / "whole") if event.is_best]
    for epoch in (1, 3, 5):
        path = tmp_path / f"from-{epoch}"
        new = rewind(whole.run, epoch, path)
        assert [event.epoch for event in epochs_of(path)] == list(range(1, epoch + 1))
        assert not any(event.step > 5 * epoch for event in new.events() if isinstance(event, Stepped))
        assert (path / "metrics.csv").read_text().count("\n") == 1 + epoch
        assert kept_epochs(new) == list(range(1, epoch + 1))
        assert load_weights(path / "best.safetensors")[1]["epoch"] == str(max(e for e in best if e <= epoch))
        again = resume(path, never)
        assert again.tested == whole.tested
        assert same(path, tmp_path / "whole")
        assert epochs_of(path) == epochs_of(tmp_path / "whole")
        assert kept_epochs(new) == [1, 2, 3, 4, 5, 6]
    assert files(tmp_path / "whole") == before


def test_links_take_no_room_of_their_own(stripes: Path, tmp_path: Path) -> None:
    train(find_network(NET), settings(stripes, epochs=2), tmp_path / "run", never)
    kept = tmp_path / "run" / "checkpoints" / "2"
    for name in ("last.safetensors", "best.safetensors"):
        assert (kept / name).stat().st_ino == (tmp_path / "run" / name).stat().st_ino


def test_without_links_files_are_copied(stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    whole = train(find_network(NET), settings(stripes, epochs=2), tmp_path / "whole", never)
    rewind(whole.run, 1, tmp_path / "run")
    resume(tmp_path / "run", never)
    assert same(tmp_path / "run", tmp_path / "whole")


def test_at_most_so_many_are_kept(stripes: Path, tmp_path: Path) -> None:
    outcome = train(find_network("INPUT -> FC"), settings(stripes, keep_epochs=3), tmp_path / "run", never)
    assert kept_epochs(outcome.run) == [2, 4, 6]
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["2", "4", "6"]


def test_of_a_large_network_fewer_are_kept(stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train(find_network("INPUT -> FC"), settings(stripes, epochs=2), tmp_path / "first", never)
    size = sum((first.run.path / name).stat().st_size for name in ("last.safetensors", "best.safetensors"))
    monkeypatch.setattr("tatami.train.rewind.MOST_BYTES", int(3.5 * size))
    outcome = train(find_network("INPUT -> FC"), settings(stripes), tmp_path / "run", never)
    assert kept_epochs(outcome.run) == [2, 4, 6]
    monkeypatch.setattr("tatami.train.rewind.MOST_BYTES", size // 2)
    outcome = train(find_network("INPUT -> FC"), settings(stripes), tmp_path / "none", never)
    assert kept_epochs(outcome.run) == []


def test_none_are_kept_unless_asked_for(stripes: Path, tmp_path: Path) -> None:
    outcome = train(find_network("INPUT -> FC"), settings(stripes, epochs=2, keep_epochs=0), tmp_path / "run", never)
    assert not (tmp_path / "run" / "checkpoints").exists()
    with pytest.raises(RunError) as caught:
        rewind(outcome.run, 1)
    assert str(caught.value) == (
        f"{tmp_path / 'run'}: this epoch was not kept; got 1; expected a run trained with --keep-epochs"
    )


def test_an_epoch_that_was_not_kept(stripes: Path, tmp_path: Path) -> None:
    outcome = train(find_network("INPUT -> FC"), settings(stripes, epochs=4, keep_epochs=2), tmp_path / "run", never)
    with pytest.raises(RunError, match="this epoch was not kept; got 3; expected one of 2, 4"):
        rewind(outcome.run, 3)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["run"]


def test_a_new_name_is_found_beside_the_run(stripes: Path, tmp_path: Path) -> None:
    outcome = train(find_network("INPUT -> FC"), settings(stripes, epochs=2), tmp_path / "runs" / "one", never)
    first = rewind(outcome.run, 1)
    assert first.path == tmp_path / "runs" / "one-from-1-1"
    assert rewind(first, 1).path == tmp_path / "runs" / "one-from-1-2"


def test_what_came_later_is_not_told(stripes: Path, tmp_path: Path) -> None:
    """A pause and a stop behind the epoch, and the going on after it, are of the old run alone."""
    words = iter(["step"] * 8)
    paused: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, Paused):
            paused.append(event.step)

    steer = Commands(lambda: next(words, "stop" if paused else None))  # type: ignore[arg-type]
    train(find_network(NET), settings(stripes), tmp_path / "run", listen, steer=steer)
    assert paused == [8]
    resume(tmp_path / "run", never)
    new = rewind(Run(tmp_path / "run"), 1, tmp_path / "new")
    assert not [event for event in new.events() if isinstance(event, Paused | Resumed)]
    assert [event for event in Run(tmp_path / "run").events() if isinstance(event, Resumed)]


def test_a_number_below_zero(stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="impossible keep_epochs; got -1; expected at least 0"):
        train(find_network("INPUT -> FC"), settings(stripes, keep_epochs=-1), tmp_path / "run", never)
