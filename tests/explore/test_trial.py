"""A trial: trained rung by rung in one run directory, once each, whatever happens to its workers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tatami.data import load
from tatami.engines import compile
from tatami.explore import trial
from tatami.explore.candidates import planned_figures
from tatami.explore.halving import FAILED
from tatami.explore.space import resolved
from tatami.explore.trial import RESULT, Result, Task, advance
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.recipe import OneCycle
from tatami.train import TrainConfig, resume, train
from tatami.train.events import EpochEnded, Started, Stepped
from tatami.train.run import LAST, Run

LINE = "INPUT -> CONV(3) -> BN -> RELU -> POOL -> FC"


@pytest.fixture
def task(stripes: Path, tmp_path: Path) -> Task:
    config = TrainConfig(str(stripes), batch=8, lr=0.01, augment="none", validation=0.2, test=False)
    return Task(str(tmp_path / "trials" / "00003"), LINE, config, 2, 1, False, str(tmp_path / "stop"))


def weights(run: Path | str) -> dict[str, np.ndarray]:
    return load_weights(Path(run) / LAST)[0]


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_a_rung_is_the_training_of_its_epochs_and_the_next_goes_on_with_it(task: Task, tmp_path: Path) -> None:
    first, second = advance(task), advance(replace(task, epochs=6))
    network = find_network(LINE)
    by_hand = train(network, replace(task.config, epochs=2), tmp_path / "hand", lambda event: None)
    assert by_hand.tested is not None
    assert (first.epochs, first.correct, first.total) == (2, by_hand.tested.correct, 12)
    by_hand = resume(tmp_path / "hand", lambda event: None, epochs=6)
    assert by_hand.tested is not None
    assert (second.epochs, second.correct, second.score) == (6, by_hand.tested.correct, by_hand.tested.accuracy)
    assert same(weights(task.run), weights(tmp_path / "hand"))
    assert Run(Path(task.run)).events()[-2].split == "validation"  # type: ignore[attr-defined]


def test_a_rung_that_is_done_is_not_trained_again(task: Task) -> None:
    first = advance(task)
    written = (Path(task.run) / LAST).stat().st_mtime_ns
    assert advance(task) == first
    assert advance(replace(task, epochs=1)) == first
    assert (Path(task.run) / LAST).stat().st_mtime_ns == written


def test_a_result_that_was_not_kept_is_found_again_without_training(task: Task) -> None:
    first = advance(task)
    written = (Path(task.run) / LAST).stat().st_mtime_ns
    (Path(task.run) / RESULT).unlink()
    assert advance(task) == first
    assert (Path(task.run) / LAST).stat().st_mtime_ns == written


def test_what_was_stopped_goes_on_bit_for_bit(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = iter([False] * 10 + [True])
    monkeypatch.setattr(trial, "_stop_file", lambda path: lambda: next(asked))
    stopped = advance(task)
    assert stopped == Result(stopped=True)
    assert not (Path(task.run) / RESULT).exists()
    monkeypatch.undo()
    advance(task)
    advance(replace(task, run=str(tmp_path / "trials" / "whole")))
    assert same(weights(task.run), weights(tmp_path / "trials" / "whole"))


def test_nothing_begins_once_it_was_told_to_stop(task: Task) -> None:
    Path(task.stop).touch()
    assert advance(task).stopped
    assert not Path(task.run).exists()


def test_what_was_killed_before_anything_was_saved_begins_anew(task: Task) -> None:
    first = advance(task)
    for name in (LAST, RESULT, "evaluation.json"):
        (Path(task.run) / name).unlink()
    again = advance(task)
    assert replace(again, seconds=0.0) == replace(first, seconds=0.0)
    assert [type(event) for event in Run(Path(task.run)).events()].count(Started) == 1


def test_what_is_measured_is_what_was_planned(task: Task) -> None:
    result = advance(task)
    dataset = load(task.config.data)
    config = resolved(task.config, dataset)
    figures = planned_figures(LINE, dataset, config)
    assert result.params == figures.params == 9 * 3 + 2 * 3 + (4 * 4 * 3 + 1) * 2
    model = compile(find_network(LINE).build((8, 8, 1), 2), batch=8, optimizer=config.make_optimizer())
    assert result.memory == figures.peak_bytes == model.memory()["peak_bytes"]


def test_a_training_that_diverges_is_a_result(task: Task) -> None:
    failed = advance(replace(task, config=replace(task.config, lr=1e38, optimizer="sgd")))
    assert failed.failure
    assert failed.rank == FAILED
    assert json.loads((Path(task.run) / RESULT).read_text())["failure"] == failed.failure
    assert advance(replace(task, epochs=6)) == failed


def test_trials_are_ranked_by_score_and_among_equals_by_loss() -> None:
    ranks = [Result(1, score, loss).rank for score, loss in ((0.9, 0.3), (0.9, 0.2), (0.8, 0.1))]
    assert sorted(ranks, reverse=True) == [ranks[1], ranks[0], ranks[2]]
    assert Result(failure="no number").rank < ranks[2]


def test_a_promoted_trial_goes_on_near_the_peak_of_the_rate_and_comes_down(task: Task) -> None:
    """With three times the epochs: what makes the promotions of a one-cycle schedule warm restarts."""
    config = replace(task.config, batch=2)  # 24 steps an epoch
    advance(replace(task, config=config))
    advance(replace(task, config=config, epochs=6))
    rates = {e.step: e.lr / 0.01 for e in Run(Path(task.run)).events() if isinstance(e, (EpochEnded, Stepped))}
    assert rates[48] == pytest.approx(OneCycle().factor(47, 48))
    assert rates[48] < 0.001
    assert rates[72] == pytest.approx(OneCycle().factor(71, 144))
    assert OneCycle().factor(48, 144) > 0.98
    assert rates[144] < 0.001
