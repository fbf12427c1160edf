"""A rank is lost, or all are to stop: what there is has been saved. Here they are threads."""

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tatami.engines.ranks import Ranks
from tatami.errors import RankError
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.train import Outcome, recording, resume, train
from tatami.train.events import Ended, EpochEnded, Event, Resumed
from tatami.train.run import Run

from .ranked import NET, InRanks, assert_same_end, never, settings


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("at", [0, 1, 7, 10])  # 5 steps an epoch
def test_what_a_lost_rank_leaves_goes_on(
    stripes: Path, whole: Path, tmp_path: Path, in_ranks: InRanks, dead: type[BaseException], lost: int, at: int
) -> None:
    def die(rank: int, step: int) -> None:
        if (rank, step) == (lost, at):
            raise dead

    def work(ranks: Ranks) -> Outcome:
        return train(find_network(NET), settings(stripes), tmp_path / "run", never, ranks)

    results = in_ranks(3, work, die)
    assert isinstance(results[lost], dead)
    survivors = [result for rank, result in enumerate(results) if rank != lost]
    assert all(isinstance(error, RankError) and error.code == 130 for error in survivors)
    (told,) = [error for error in survivors if not error.said]
    run = tmp_path / "run"
    assert str(told) == (
        f"{run}: another rank of this training is gone; everything up to step {at} is saved "
        f"(hint: tatami resume {run} goes on, with any number of ranks)"
    )
    progress = Run(run).checkpoint().progress
    assert (progress.step, progress.epoch) == (at, at // 5)
    events = Run(run).events()
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "interrupted"
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == list(range(1, at // 5 + 1))
    assert {"network.net", "config.toml", "split.json", "events.jsonl", "metrics.csv", "report.html"} | {
        "best.safetensors",
        "last.safetensors",
    } == {file.name for file in run.iterdir()}

    size = 2 if at % 2 else 1
    told_again: list[Event] = []
    in_ranks(size, lambda ranks: resume(run, told_again.append, ranks=ranks))
    assert_same_end(run, whole)
    (resumed,) = [event for event in told_again if isinstance(event, Resumed)]
    assert f"{size} rank{'s' * (size > 1)} instead of 3: the same training, but not bit for bit" in resumed.notes
    assert Run(run).config().ranks == size


@pytest.mark.parametrize("victim", ["append", "save", "write_metrics"])
def test_rank_0_is_lost_while_it_keeps_an_epoch(
    stripes: Path,
    whole: Path,
    tmp_path: Path,
    in_ranks: InRanks,
    dead: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    victim: str,
) -> None:
    """The others know of the epoch's end, and keep it in its place."""
    method = getattr(Run, victim)
    died: list[bool] = []

    def fatal(self: Run, *given: Any, **named: Any) -> None:
        if victim == "append":
            is_it = isinstance(given[0], EpochEnded) and given[0].epoch == 2
        else:
            is_it = sum(isinstance(event, EpochEnded) for event in self.events()) == 2
        if is_it and not died:
            died.append(True)
            if victim == "append":
                with (self.path / "events.jsonl").open("a") as file:
                    file.write('{"event": "epo')  # a line that is cut off
            raise dead
        method(self, *given, **named)

    monkeypatch.setattr(Run, victim, fatal)
    run = tmp_path / "run"
    results = in_ranks(3, lambda ranks: train(find_network(NET), settings(stripes), run, never, ranks))
    assert isinstance(results[0], dead)
    assert [error.said for error in results[1:]].count(False) == 1
    events = Run(run).events()
    assert [event.epoch for event in events if isinstance(event, EpochEnded)] == [1, 2]
    assert Run(run).checkpoint().progress.epoch == 2
    assert load_weights(run / "best.safetensors")[1]["epoch"] == str(Run(run).checkpoint().progress.best_epoch)
    assert len((run / "metrics.csv").read_text().splitlines()) == 3
    resume(run, never)
    assert_same_end(run, whole)


def test_rank_0_is_lost_while_it_tests(
    stripes: Path,
    whole: Path,
    tmp_path: Path,
    in_ranks: InRanks,
    dead: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fatal(*given: Any) -> None:
        raise dead

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(recording, "examine", fatal)
        results = in_ranks(2, lambda ranks: train(find_network(NET), settings(stripes), run, never, ranks))
    assert isinstance(results[0], dead)
    assert not results[1].said
    assert resume(run, never).tested is not None
    assert_same_end(run, whole)


def test_a_host_that_does_not_see_the_run_leaves_its_own_alone(
    stripes: Path, tmp_path: Path, in_ranks: InRanks, dead: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(rank: int, step: int) -> None:
        if (rank, step) == (0, 3):
            (tmp_path / "run").rename(tmp_path / "on-the-other-host")
            (tmp_path / "run").mkdir()
            (tmp_path / "run" / "network.net").write_text("another run")
            raise dead

    run = tmp_path / "run"
    _, error = in_ranks(2, lambda ranks: train(find_network(NET), settings(stripes), run, never, ranks), die)
    assert not error.said
    assert str(error) == (
        f"{run}: another rank of this training is gone "
        f"(hint: tatami resume {run} goes on, with any number of ranks, on the host that has it)"
    )
    assert [file.name for file in run.iterdir()] == ["network.net"]


def test_a_signal_to_one_rank_stops_all(
    stripes: Path, whole: Path, tmp_path: Path, in_ranks: InRanks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only rank 1 is asked to stop, in its seventh step."""
    asked = threading.local()

    @contextmanager
    def stop_on_interrupt(ranks: int) -> Any:
        assert ranks == 2
        yield lambda: getattr(asked, "stop", False)

    def ask(rank: int, step: int) -> None:
        asked.stop = (rank, step) == (1, 6)

    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(recording, "stop_on_interrupt", stop_on_interrupt)
        first, other = in_ranks(2, lambda ranks: train(find_network(NET), settings(stripes), run, never, ranks), ask)
    assert first.interrupted
    assert other.interrupted
    assert first.tested is not None
    assert Run(run).checkpoint().progress.step == 7
    assert Run(run).events()[-1].reason == "interrupted"  # type: ignore[attr-defined]
    in_ranks(3, lambda ranks: resume(run, never, ranks=ranks))
    assert_same_end(run, whole)


def test_a_run_that_another_process_has_is_refused_by_all(stripes: Path, whole: Path, in_ranks: InRanks) -> None:
    with Run(whole).alone():
        first, other = in_ranks(2, lambda ranks: resume(whole, never, 9, ranks=ranks))
    assert "another process is training this run" in str(first)
    assert other.said
