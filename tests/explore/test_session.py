"""Whole explorations on a tiny problem: their directory, going on, lost workers, budgets and time."""

import itertools
import json
import os
import signal
from collections import Counter
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.data import DataOptions
from tatami.errors import OptionError, RunError
from tatami.explore import Settings, explore, search, session, trial
from tatami.explore.halving import FINAL, Job
from tatami.explore.journal import Journal
from tatami.explore.search import Moment, Search
from tatami.explore.settings import read_settings
from tatami.explore.trial import Result, Task, advance
from tatami.explore.workers import Processes
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.plan import make_plan
from tatami.plan.machine import thread_count
from tatami.train import evaluate_run, train
from tatami.train.events import EpochEnded, Resumed
from tatami.train.run import LAST, Run
from tatami.views.front import COSTS, front


def quiet(moment: Moment) -> None:
    pass


def epochs_of(run: Path) -> list[int]:
    return [event.epoch for event in Run(run).events() if isinstance(event, EpochEnded)]


def weights_of(folder: Path) -> dict[tuple[str, int], dict[str, np.ndarray]]:
    """The latest weights by a trial's line and epochs."""
    found = {}
    for run in sorted((folder / "trials").glob("?????")):
        line = Run(run).config().net
        found[line, len(epochs_of(run))] = load_weights(run / LAST)[0]
    return found


def test_every_member_is_tried_and_the_best_to_the_end(settings: Settings, tmp_path: Path, here: Any) -> None:
    told: list[Moment] = []
    found = explore(settings, tmp_path / "found", here, told.append)
    values = found.values
    # N=0: one network; N=1, 2: 2 or 4 filters, with POOL or without
    assert (values.total, values.members, values.dropped, values.impossible) == (3 * 2 * 2, 1 + 2 * 2 * 2, 0, 0)
    assert len(values.trials) == 9
    assert len({tried.line for tried in values.trials}) == 9
    assert values.ended == "all members were tried"
    assert Counter(tried.epochs for tried in values.trials)[4] >= 2
    for tried in values.trials:
        assert epochs_of(Path(tried.run)) == list(range(1, tried.epochs + 1))
        network = find_network(tried.line).build((8, 8, 1), 2)
        assert tried.params == tried.measured_params == make_plan(network).totals.params
        assert tried.memory == tried.measured_memory
        assert tried.total == 12
        assert tried.score == (tried.correct or 0) / 12
    assert values.as_planned == 9
    best = values.best
    assert best is not None
    assert best.epochs == 4
    assert best.score == max(tried.score or 0 for tried in values.trials if tried.epochs == 4)
    assert next(moment.result.epochs for moment in told if moment.result is not None) == 1


def test_the_test_split_is_looked_at_once_by_the_best(settings: Settings, tmp_path: Path, here: Any) -> None:
    folder = tmp_path / "found"
    values = explore(settings, folder, here, quiet).values
    best, tested = values.best, values.tested
    assert best is not None
    assert tested is not None
    config = replace(settings.training, epochs=best.epochs, validation=0.0, test=False)
    train(find_network(best.line), config, tmp_path / "by-hand", lambda event: None)
    by_hand = evaluate_run(tmp_path / "by-hand", settings.training.data)
    assert values.final == str(folder / "final" / f"{best.number:05d}-4")
    assert (tested.number, tested.correct, tested.total) == (best.number, by_hand.correct, 20)
    assert tested.text == f"test accuracy {by_hand.accuracy:.4f} ({by_hand.correct} of 20)"
    assert tested.looks == 1
    assert all(
        event.split == "validation"
        for t in values.trials
        for event in Run(Path(t.run)).events()
        if event.kind == "tested"
    )  # type: ignore[attr-defined]
    again = explore(settings, folder, here, quiet).values
    assert again.tested == tested
    assert (folder / "events.jsonl").read_text().count('"tested"') == 1


def test_the_directory_holds_everything(settings: Settings, tmp_path: Path, here: Any) -> None:
    folder = tmp_path / "found"
    found = explore(settings, folder, here, quiet)
    assert read_settings(folder) == settings
    data = json.loads((folder / "front.json").read_text())
    assert data["schema"] == "tatami.explore/1"
    assert data["best"] == found.values.best.number  # type: ignore[union-attr]
    assert data["fronts"]["params"] == [tried.number for tried in front(found.values.trials, COSTS[0])]
    page = found.page.read_text()
    assert page.startswith("<!doctype html>")
    assert page.count("<svg") == len(COSTS)
    assert (folder / "front.svg").read_text().startswith("<svg")
    assert found.values.best.line.replace(">", "&gt;") in page  # type: ignore[union-attr]
    assert f"{found.values.tested.text}" in page  # type: ignore[union-attr]


def test_a_line_trained_by_the_command_is_the_trials_network(settings: Settings, tmp_path: Path, here: Any) -> None:
    values = explore(settings, tmp_path / "found", here, quiet).values
    data = settings.training.data
    options = "--epochs 4 --batch 8 --validation 0 --lr 0.01 --augment none"
    assert values.command == f'tatami train "LINE" {data} {options}'


def test_it_goes_on_after_an_interrupt_and_trains_nothing_twice(settings: Settings, tmp_path: Path, here: Any) -> None:
    folder = tmp_path / "found"

    def interrupt(moment: Moment) -> None:
        if moment.job is not None and len(moment.journal.results) == 4:
            os.kill(os.getpid(), signal.SIGINT)

    first = explore(settings, folder, here, interrupt).values
    assert first.ended == "interrupted; the same command goes on"
    assert len(first.trials) <= 4
    assert first.tested is None
    assert first.best is not None
    assert f" --epochs {first.best.epochs} " in first.command
    assert not (folder / "stop").exists()
    second = explore(settings, folder, here, quiet).values
    assert second.seconds > first.seconds
    explore(settings, tmp_path / "whole", here, quiet)
    there, now = weights_of(tmp_path / "whole"), weights_of(folder)
    assert there.keys() == now.keys()
    assert all(np.array_equal(there[key][name], now[key][name]) for key in there for name in there[key])


def test_the_best_with_more_epochs_is_trained_anew_and_goes_on_where_it_was_killed(
    settings: Settings, tmp_path: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, one = tmp_path / "found", replace(settings, trials=1)
    with monkeypatch.context() as short:
        short.setattr(Search, "_has_time", lambda self, job: job.rung < 2)
        first = explore(one, folder, here, quiet).values
    assert (first.final, epochs_of(Path(first.final))) == (str(folder / "final" / "00000-2"), [1, 2])

    def stopped_in_the_final(task: Task) -> Result:
        asked = itertools.chain([False] * 15, itertools.repeat(True))  # 8 steps an epoch
        with monkeypatch.context() as stop:
            if "final" in task.run:
                stop.setattr(trial, "_stop_file", lambda path: lambda: next(asked))
            return advance(task)

    with monkeypatch.context() as killed:
        killed.setattr(search, "advance", stopped_in_the_final)
        assert explore(one, folder, here, quiet).values.final == ""
    second = explore(one, folder, here, quiet).values
    final, best = Path(second.final), second.best
    assert best is not None
    assert final == folder / "final" / "00000-4"
    assert [type(event) for event in Run(final).events()].count(Resumed) == 1
    config = replace(settings.training, epochs=4, validation=0.0, test=False)
    train(find_network(best.line), config, tmp_path / "by-hand", lambda event: None)
    by_hand, now = load_weights(tmp_path / "by-hand" / LAST)[0], load_weights(final / LAST)[0]
    assert all(np.array_equal(by_hand[name], now[name]) for name in by_hand)
    assert epochs_of(Path(first.final)) == [1, 2]


def test_a_directory_of_another_exploration_is_refused(settings: Settings, tmp_path: Path, here: Any) -> None:
    folder = tmp_path / "found"
    explore(replace(settings, trials=2), folder, here, quiet)
    with pytest.raises(OptionError, match="holds another exploration; got other epochs, seed; expected the same"):
        explore(replace(settings, epochs=(1, 3), seed=5), folder, here, quiet)
    more = explore(replace(settings, trials=5), folder, here, quiet)
    assert len(more.values.trials) == 5
    assert more.values.ended == "all trials were done"
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").touch()
    with pytest.raises(RunError, match="the exploration's place is taken"):
        explore(settings, tmp_path / "taken", here, quiet)


def test_settings_that_no_training_takes_leave_nothing_behind(settings: Settings, tmp_path: Path, here: Any) -> None:
    folder = tmp_path / "found"
    with pytest.raises(OptionError, match="unknown engine; got gpu"):
        explore(replace(settings, training=replace(settings.training, engine="gpu")), folder, here, quiet)
    assert not folder.exists()
    explore(replace(settings, trials=1), folder, here, quiet)
    with pytest.raises(RunError, match="the disk is full"):
        explore(replace(settings, trials=3), folder, Full(), quiet)
    assert (folder / "trials" / "00000" / LAST).exists()


class Full:
    """Workers that cannot write."""

    jobs = shares = 1

    def __enter__(self) -> "Full":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def executor(self) -> Executor:
        raise RunError("the disk is full")

    def renew(self) -> None:
        pass


def test_it_goes_on_with_the_threads_by_which_its_members_were_planned(
    settings: Settings, tmp_path: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned_by = []
    make = session.make_space

    def watched(settings: Settings) -> Any:
        planned_by.append(thread_count())
        return make(settings)

    monkeypatch.setattr(session, "make_space", watched)
    explore(replace(settings, trials=1), tmp_path / "found", here, quiet)
    explore(replace(settings, trials=2, threads=3), tmp_path / "found", here, quiet)
    assert planned_by == [1, 1]


def test_members_over_budget_are_never_trained(settings: Settings, tmp_path: Path, here: Any) -> None:
    limited = replace(settings, budgets=("params < 200", "memory(batch=8) < 1MB"))
    values = explore(limited, tmp_path / "found", here, quiet).values
    assert values.dropped > 0
    assert values.trials
    assert all(tried.params < 200 for tried in values.trials)
    with pytest.raises(OptionError, match="no member of the family keeps the budget; got 12 of 12 members are over it"):
        explore(replace(settings, budgets=("params < 2",)), tmp_path / "none", here, quiet)
    assert not (tmp_path / "none").exists()


def test_no_training_begins_that_would_not_be_done_in_time(
    settings: Settings, tmp_path: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock of its own on which each epoch takes ten seconds: 40 s for all rungs of a trial."""
    now = itertools.count()
    clock = [0.0]

    def slow(task: Task) -> Result:
        run = Path(task.run)
        before = slow.done.get(run, 0)  # type: ignore[attr-defined]
        slow.done[run] = task.epochs  # type: ignore[attr-defined]
        clock[0] += 10.0 * (task.epochs - before)
        return Result(task.epochs, 0.5 + next(now) / 1000, 0.1, 6, 12, seconds=10.0 * task.epochs)

    slow.done = {}  # type: ignore[attr-defined]
    monkeypatch.setattr(search, "advance", slow)
    monkeypatch.setattr(session, "examine_best", lambda *given: None)
    monkeypatch.setattr(search.time, "monotonic", lambda: clock[0])
    values = explore(replace(settings, seconds=100.0), tmp_path / "found", here, quiet).values
    assert values.ended == "the time is up"
    assert clock[0] <= 100.0
    assert max(tried.epochs for tried in values.trials) == 4
    assert len(values.trials) < 9
    again = explore(replace(settings, seconds=2000.0), tmp_path / "found", here, quiet).values
    assert again.ended == "all members were tried"
    assert 100.0 < clock[0] <= 2000.0
    finals = sum(epochs for run, epochs in slow.done.items() if run.parent.name == "final")  # type: ignore[attr-defined]
    assert 4 <= finals <= 8  # the best of each of the two calls, once more
    assert clock[0] == 10.0 * (sum(tried.epochs for tried in again.trials) + finals)


class Fragile(Executor):
    """Loses its worker at the first try of every third job, after the training and before its result is told."""

    def __init__(self) -> None:
        self.count = 0

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.count += 1
        result = function(*args, **kwargs)
        if self.count % 3 == 1:
            future.set_exception(RuntimeError("a worker was killed"))
        else:
            future.set_result(result)
        return future


def test_a_lost_worker_loses_no_trial(settings: Settings, tmp_path: Path, here: Any) -> None:
    fragile = Fragile()
    here.executor = lambda: fragile
    folder = tmp_path / "found"
    values = explore(settings, folder, here, quiet).values
    assert here.renewed > 2
    assert len(values.trials) == 9
    assert not any(tried.failure for tried in values.trials)
    assert all(epochs_of(Path(tried.run)) == list(range(1, tried.epochs + 1)) for tried in values.trials)
    journal = Journal(folder)
    assert journal.losses
    assert not journal.pending


def test_a_trial_that_loses_three_workers_is_given_up(settings: Settings, tmp_path: Path, here: Any) -> None:
    class Deadly(Executor):
        def submit(self, function: Any, /, task: Task) -> Future[Any]:  # type: ignore[override]
            future: Future[Any] = Future()
            if task.run.endswith("00001"):
                future.set_exception(RuntimeError("out of memory"))
            else:
                future.set_result(function(task))
            return future

    here.executor = lambda: Deadly()
    values = explore(settings, tmp_path / "found", here, quiet).values
    assert [t.number for t in values.trials if t.failure] == [1]
    assert values.trials[1].failure == "its worker was lost 3 times: RuntimeError: out of memory"
    assert len(values.measured) == 8


def test_two_processes_give_what_one_gives_although_one_is_killed(
    settings: Settings, tmp_path: Path, here: Any
) -> None:
    long = replace(settings, epochs=(4, 8), choices={"N": ["1", "2"]})
    workers, killed = Processes(2, 1), []

    def kill(moment: Moment) -> None:
        if not killed and len(moment.journal.results) == 2 and moment.running:
            victim = next(iter(workers._pool._processes))  # type: ignore[union-attr]
            killed.append(victim)
            os.kill(victim, signal.SIGKILL)

    values = explore(long, tmp_path / "two", workers, kill).values
    assert killed
    assert len(values.trials) == 8
    assert not any(tried.failure for tried in values.trials)
    assert all(epochs_of(Path(tried.run)) == list(range(1, tried.epochs + 1)) for tried in values.trials)
    assert {Run(Path(tried.run)).config().threads for tried in values.trials} == {1}
    assert Run(Path(values.final)).config().threads == 2  # the machine to itself
    explore(long, tmp_path / "one", here, quiet)
    one, two = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    for key in one.keys() & two.keys():
        assert all(np.array_equal(one[key][name], two[key][name]) for name in one[key])
    assert len(one.keys() & two.keys()) >= 6


def test_a_damaged_journal_is_said_and_a_line_cut_off_is_not(settings: Settings, tmp_path: Path, here: Any) -> None:
    folder = tmp_path / "found"
    explore(replace(settings, trials=1), folder, here, quiet)
    path = folder / "events.jsonl"
    whole = path.read_text()
    path.write_text(whole + '{"event": "beg')
    assert Journal(folder).began == [Job(0, 0), Job(0, 1), Job(0, 2), Job(0, FINAL)]
    assert path.read_text() == whole
    path.write_text("nonsense\n" + whole)
    with pytest.raises(RunError, match=r"events.jsonl:1: not an event of an exploration; got nonsense"):
        Journal(folder)


def test_a_regression_without_a_test_split(settings: Settings, tmp_path: Path, here: Any) -> None:
    rng = np.random.default_rng(0)
    y = rng.uniform(0, 100, 60).round(3)
    x = (y[:, None, None] + rng.normal(0, 5, (60, 8, 8)))[..., None].astype(np.float32)
    np.savez(tmp_path / "values.npz", x=x, y=y)
    training = replace(settings.training, data=str(tmp_path / "values.npz"), reading=DataOptions(task="regression"))
    values = explore(replace(settings, training=training, trials=3), tmp_path / "found", here, quiet).values
    best = values.best
    assert (values.metric, values.tested, values.as_planned) == ("R2", None, 3)
    assert (Path(values.final) / "best.safetensors").is_file()
    assert best is not None
    assert best.correct is None
    assert best.score is not None
    assert best.score > 0.5
    assert best.score == max(t.score for t in values.trials if t.epochs == 4 and t.score is not None)


def test_settings_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"not an exploration; expected a directory with explore.toml"):
        read_settings(tmp_path)
    (tmp_path / "explore.toml").write_text("family = 3\n")
    with pytest.raises(RunError, match="the settings of this exploration are damaged"):
        read_settings(tmp_path)
