"""Several ranks train one network: the same training as of one. Here they are threads; see also test_torchrun.py."""

import json
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.engines.ranks import ALONE, Ranks, find_ranks, share_of
from tatami.errors import NumericError, OptionError, RankError, RunError
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.plan.machine import thread_count
from tatami.train import Outcome, TrainConfig, recording, resume, train
from tatami.train.config import ResolvedConfig
from tatami.train.defaults import check_steps, resolve
from tatami.train.elsewhere import Elsewhere, moved
from tatami.train.events import Ended, EpochEnded, Event, Resumed, Started
from tatami.train.run import Run

NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.1) -> FC"
PLAIN = "INPUT -> CONV(4) -> RELU -> POOL -> FC"
InRanks = Callable[..., list[Any]]


def settings(data: Path, **given: Any) -> TrainConfig:
    usual = {"epochs": 4, "batch": 8, "lr": 0.01, "validation": 0.2, "augment": "strong", "ema": 0.9, "smoothing": 0.1}
    return TrainConfig(str(data), engine="textbook", **{**usual, **given})


def never(event: Event) -> None:
    pass


def weights(run: Path, name: str = "last") -> dict[str, np.ndarray]:
    return load_weights(run / f"{name}.safetensors")[0]


def assert_same_end(run: Path, whole: Path) -> None:
    """To rounding: the ranks' parts of a sum are summed in another order."""
    for name in ("last", "best"):
        one, other = weights(run, name), weights(whole, name)
        assert one.keys() == other.keys()
        for key in one:
            np.testing.assert_allclose(one[key], other[key], rtol=1e-5, atol=1e-6, err_msg=key)
    told = [[e for e in Run(path).events() if isinstance(e, EpochEnded)] for path in (run, whole)]
    for a, b in zip(*told, strict=True):
        assert (a.epoch, a.step, a.is_best, a.lr) == (b.epoch, b.step, b.is_best, b.lr)
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-5)
        assert a.validation_loss == pytest.approx(b.validation_loss, rel=1e-5)
        assert a.validation_accuracy == pytest.approx(b.validation_accuracy)


@pytest.fixture
def whole(stripes: Path, tmp_path: Path) -> Path:
    """The run of a training by one process, which nothing disturbs."""
    train(find_network(NET), settings(stripes), tmp_path / "whole", never)
    return tmp_path / "whole"


# --- who takes what ---


@given(st.integers(0, 300), st.integers(1, 40))
def test_shares_are_those_of_array_split(total: int, size: int) -> None:
    rows = np.arange(total)
    for rank, part in enumerate(np.array_split(rows, size)):
        assert rows[share_of(total, rank, size)].tolist() == part.tolist()


def test_a_step_needs_a_sample_for_each_rank() -> None:
    config = resolve(TrainConfig("x", batch=2), 20, ranks=3)
    with pytest.raises(OptionError) as caught:
        check_steps(config, 20)
    assert str(caught.value) == (
        "3 ranks cannot share a step of 2 samples; got 20 training samples in steps of at most 2; "
        "expected a sample for each rank (hint: a larger --batch)"
    )
    with pytest.raises(OptionError, match=r"3 ranks cannot share a step of 1 sample; .* \(hint: fewer ranks\)"):
        check_steps(resolve(TrainConfig("x", batch=2), 1, ranks=3), 1)
    check_steps(resolve(TrainConfig("x", batch=3), 21, ranks=3), 21)
    check_steps(resolve(TrainConfig("x", batch=3, accumulate=2), 20, ranks=3), 20)
    with pytest.raises(OptionError, match="a step of 2 samples"):  # in its two passes, as steps have 5 samples
        check_steps(resolve(TrainConfig("x", batch=3, accumulate=2, sync_bn=True), 20, ranks=3), 20)
    with pytest.raises(OptionError, match="a step of 2 samples"):  # 3 + 3 + 3 + 2 samples, nearly
        check_steps(resolve(TrainConfig("x", batch=3), 11, ranks=3), 11)


def test_several_ranks_are_the_torch_engines() -> None:
    assert resolve(TrainConfig("x"), 100).engine == "cpu"
    assert resolve(TrainConfig("x"), 100, ranks=2).engine == "torch"
    assert resolve(TrainConfig("x"), 100, ranks=2).ranks == 2
    with pytest.raises(OptionError) as caught:
        resolve(TrainConfig("x", engine="cpu"), 100, ranks=2)
    assert str(caught.value) == "engine cpu trains in one process; got 2 ranks; expected engine torch, or no torchrun"


def test_one_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in ("", "1"):
        monkeypatch.setenv("WORLD_SIZE", size) if size else monkeypatch.delenv("WORLD_SIZE", raising=False)
        with find_ranks() as ranks:
            assert ranks is ALONE
    assert (ALONE.any(True), ALONE.any(False), ALONE.exchange("a")) == (True, False, ["a"])


def test_several_ranks_need_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delitem(sys.modules, "tatami.engines.torch.ranks", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(OptionError) as caught, find_ranks():
        pass
    assert str(caught.value) == "several ranks need PyTorch; got no module torch (hint: pip install 'tatami[torch]')"


# --- the same training ---


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_it_is_the_training_of_one_process(
    stripes: Path, tmp_path: Path, in_ranks: InRanks, size: int, accumulate: int
) -> None:
    config = settings(stripes, batch=8 // accumulate, accumulate=accumulate, class_weight="balanced")
    net = NET if accumulate == 1 else PLAIN  # BN and DROPOUT take each pass by itself
    alone = train(find_network(net), config, tmp_path / "whole", never)
    heard: list[tuple[int, Event]] = []

    def work(ranks: Ranks) -> Outcome:
        path = tmp_path / "run" if ranks.rank == 0 else tmp_path / "elsewhere"
        return train(find_network(net), config, path, lambda event: heard.append((ranks.rank, event)), ranks)

    first, *others = in_ranks(size, work)
    assert_same_end(tmp_path / "run", tmp_path / "whole")
    assert first.tested == replace(alone.tested, loss=first.tested.loss)
    assert first.loss == pytest.approx(alone.loss, rel=1e-5)
    # Rank 0 alone speaks, tests, and writes.
    assert {rank for rank, _ in heard} == {0}
    assert [event for _, event in heard] == Run(tmp_path / "run").events()
    assert not (tmp_path / "elsewhere").exists()
    assert all((other.run.path, other.tested) == (tmp_path / "run", None) for other in others)
    assert not any(outcome.interrupted for outcome in (first, *others))
    (started,) = [event for _, event in heard if isinstance(event, Started)]
    assert f"{size} ranks share each step" in started.notes
    assert Run(tmp_path / "run").config().ranks == size


def test_fewer_validation_samples_than_ranks(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    config = settings(stripes, validation=0.05, augment="none")  # 2 samples
    train(find_network(NET), config, tmp_path / "whole", never)
    in_ranks(3, lambda ranks: train(find_network(NET), config, tmp_path / "run", never, ranks))
    assert_same_end(tmp_path / "run", tmp_path / "whole")


def test_a_rate_is_looked_for_by_all(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    config = settings(stripes, lr="auto", epochs=1)
    train(find_network(NET), config, tmp_path / "whole", never)
    in_ranks(2, lambda ranks: train(find_network(NET), config, tmp_path / "run", never, ranks))
    rates = [Run(tmp_path / run).config().lr for run in ("run", "whole")]
    assert rates[0] == rates[1] != 0.002


def test_running_statistics_are_those_of_rank_0(
    stripes: Path, tmp_path: Path, in_ranks: InRanks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rank's batch norm has seen other samples; before a validation all have those that are saved."""
    seen: dict[int, list[np.ndarray]] = {0: [], 1: []}
    score = recording.Trainer.score

    def spoil(rank: int, step: int) -> None:
        if step:
            name = "bn1.running_mean"
            state = trainers[rank].model.state_dict()
            trainers[rank].model.load_state_dict({**state, name: state[name] + np.float32(rank)})

    def watched(self: Any, split: Any) -> Any:
        seen[self.ranks.rank].append(self.model.state_dict()["bn1.running_mean"])
        return score(self, split)

    trainers: dict[int, Any] = {}
    begin = recording.Trainer.events

    def noted(self: Any, stop: Any) -> Any:
        trainers[self.ranks.rank] = self
        return begin(self, stop)

    monkeypatch.setattr(recording.Trainer, "score", watched)
    monkeypatch.setattr(recording.Trainer, "events", noted)
    config = settings(stripes, epochs=2)
    in_ranks(2, lambda ranks: train(find_network(NET), config, tmp_path / "run", never, ranks), spoil)
    assert len(seen[0]) == 2
    for one, other in zip(seen[0], seen[1], strict=True):
        np.testing.assert_array_equal(one, other)


# --- what goes wrong ---


def test_an_error_of_all_is_told_by_rank_0(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    config = settings(stripes, batch=2)
    first, *others = in_ranks(3, lambda ranks: train(find_network(NET), config, tmp_path / "run", never, ranks))
    assert isinstance(first, OptionError)
    assert "3 ranks cannot share a step of 2 samples" in str(first)
    assert all(isinstance(other, RankError) and other.said and other.code == 2 for other in others)
    assert not (tmp_path / "run").exists()


def test_an_error_of_another_is_told_by_rank_0(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    def work(ranks: Ranks) -> Outcome:
        data = stripes if ranks.rank == 0 else tmp_path / "missing.npz"
        return train(find_network(NET), settings(data), tmp_path / "run", never, ranks)

    first, other = in_ranks(2, work)
    assert isinstance(first, RankError)
    assert str(first).startswith(f"rank 1: '{tmp_path / 'missing.npz'}': no such file")
    assert (first.said, first.code) == (False, 2)
    assert isinstance(other, RankError)
    assert (other.said, other.code) == (True, 2)
    assert not (tmp_path / "run").exists()


def test_ranks_that_read_other_data(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    with np.load(stripes) as arrays:
        changed = dict(arrays)
    changed["x_train"][0, 0, 0] ^= 1
    np.savez(tmp_path / "other.npz", **changed)

    def work(ranks: Ranks) -> Outcome:
        data = stripes if ranks.rank == 0 else tmp_path / "other.npz"
        return train(find_network(NET), settings(data), tmp_path / "run", never, ranks)

    first, _ = in_ranks(2, work)
    assert str(first) == (
        f"{stripes}: the ranks do not read the same data; got 2 different contents on 2 ranks; "
        "expected the same files under this path on every host"
    )


def test_a_place_that_is_taken(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").touch()
    first, other = in_ranks(
        2, lambda ranks: train(find_network(NET), settings(stripes), tmp_path / "run", never, ranks)
    )
    assert isinstance(first, RunError)
    assert isinstance(other, RankError)
    assert other.said


def test_a_loss_that_is_no_number(stripes: Path, tmp_path: Path, in_ranks: InRanks) -> None:
    config = settings(stripes, optimizer="sgd", lr=1e30, ema=None)
    net = "INPUT -> CONV(4) -> RELU -> FC"
    first, other = in_ranks(2, lambda ranks: train(find_network(net), config, tmp_path / "run", never, ranks))
    assert isinstance(first, NumericError)
    assert isinstance(other, RankError)
    assert (other.said, other.code) == (True, 2)
    assert Run(tmp_path / "run").events()[-1].reason == "failed"  # type: ignore[attr-defined]


# --- a rank is lost ---


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


# --- stopping ---


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


# --- elsewhere ---


def resolved(**given: Any) -> ResolvedConfig:
    ranks = given.pop("ranks", 1)
    return replace(resolve(TrainConfig("x", **given), 100), ranks=ranks, threads=thread_count())


SAME = "the same training, but not bit for bit"


@pytest.mark.parametrize(
    ("begun", "elsewhere", "ranks", "expected", "notes"),
    [
        ({}, {}, 1, {"engine": "cpu"}, []),
        (
            {},
            {"engine": "torch", "device": "cuda"},
            1,
            {"engine": "torch", "device": "cuda"},
            ["engine torch instead of cpu"],
        ),
        ({}, {}, 2, {"engine": "torch", "ranks": 2}, ["engine torch instead of cpu", "2 ranks instead of 1"]),
        (
            {"engine": "torch", "dtype": "bf16", "device": "cuda:1", "sync_bn": True, "capture": "graphs", "ranks": 4},
            {"engine": "cpu"},
            1,
            {"engine": "cpu", "dtype": "float32", "device": None, "sync_bn": False, "capture": "none", "ranks": 1},
            ["engine cpu instead of torch", "dtype float32 instead of bf16", "1 rank instead of 4"],
        ),
        (
            {"engine": "torch", "dtype": "bf16", "device": "cuda:1", "sync_bn": True},
            {},
            1,
            {"engine": "torch", "dtype": "bf16", "device": "cuda:1", "sync_bn": True},
            [],
        ),
        ({"engine": "torch", "device": "cuda:1"}, {}, 2, {"device": None}, ["2 ranks instead of 1"]),
        ({"dtype": "float64"}, {"engine": "textbook"}, 1, {"dtype": "float64"}, ["engine textbook instead of cpu"]),
    ],
)
def test_where_a_run_goes_on(
    begun: dict[str, Any], elsewhere: dict[str, Any], ranks: int, expected: dict[str, Any], notes: list[str]
) -> None:
    config, said = moved(resolved(**begun), Elsewhere(**elsewhere), ranks)
    assert said == [f"{note}: {SAME}" for note in notes]
    assert {name: getattr(config, name) for name in expected} == expected


def test_other_threads_are_said_of_the_cpu_engine() -> None:
    said = moved(replace(resolved(), threads=99), Elsewhere(), 1)[1]
    assert said == [f"{thread_count()} threads instead of 99: {SAME}"]
    assert moved(replace(resolved(engine="torch"), threads=99), Elsewhere(), 1)[1] == []
    with pytest.raises(OptionError, match="engine cpu trains in one process; got 2 ranks"):
        moved(resolved(), Elsewhere("cpu"), 2)


def test_a_run_goes_on_on_another_engine(stripes: Path, tmp_path: Path, whole: Path, tatami) -> None:
    """Begun on the textbook engine, continued on the CPU engine: to rounding, the textbook engine's end."""
    run = tmp_path / "run"
    train(find_network(NET), settings(stripes, epochs=2), run, never)
    result = tatami("resume", run, "--engine", "cpu", "--epochs", 4)
    assert result.code == 0, result.err
    assert f"note: engine cpu instead of textbook: {SAME}" in " ".join(result.err.split())
    assert Run(run).config().engine == "cpu"
    straight = tmp_path / "straight"
    train(find_network(NET), settings(stripes, epochs=2), straight, never)
    resume(straight, never, 4)
    for key, tensor in weights(straight).items():
        np.testing.assert_allclose(weights(run)[key], tensor, rtol=1e-3, atol=1e-4, err_msg=key)
    refused = tatami("resume", run, "--engine", "cpu", "--device", "cuda", "--epochs", 5)
    assert refused.code == 2
    assert "device" in refused.err
    assert json.loads((run / "events.jsonl").read_text().splitlines()[0])["engine"] == "textbook"
