"""Several ranks train one network: the same training as of one. Here they are threads; see also test_torchrun.py."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.engines.ranks import ALONE, Ranks, find_ranks, share_of
from tatami.errors import NumericError, OptionError, RankError, RunError
from tatami.network import find_network
from tatami.train import Outcome, TrainConfig, recording, train
from tatami.train.defaults import check_steps, resolve
from tatami.train.events import Event, Started
from tatami.train.run import Run

from .ranked import NET, PLAIN, InRanks, assert_same_end, never, settings

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
