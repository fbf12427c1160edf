"""A training that is paused, stepped and stopped is the same training, and tells where it rests."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tatami.formats import load_weights
from tatami.network import find_network
from tatami.train import TrainConfig, resume, train
from tatami.train.events import Ended, Event, Insight, Paused, Stepped
from tatami.train.loop import Trainer
from tatami.train.material import Material
from tatami.train.run import Run
from tatami.train.steering import Command, Commands, Wish, until

NET = "INPUT -> CONV(4) -> BN -> RELU -> POOL -> DROPOUT(0.2) -> FC"
STEPS = 20  # 4 epochs of 38 samples, 8 at once


def settings(data: Path, **given: object) -> TrainConfig:
    usual = {"epochs": 4, "batch": 8, "lr": 0.01, "validation": 0.2, "augment": "light", "ema": 0.9}
    return TrainConfig(str(data), **{**usual, **given})  # type: ignore[arg-type]


def never(event: Event) -> None:
    pass


class Script:
    """A steer that is told what to do when: at each Paused event the next commands, and some at the start."""

    def __init__(self, *turns: list[Command]) -> None:
        self.turns = list(turns)
        self.waiting: list[Command] = []
        self.events: list[Event] = []
        self.steer = Commands(lambda: self.waiting.pop(0) if self.waiting else None)
        self.next()

    def next(self) -> None:
        self.waiting += self.turns.pop(0)

    def listen(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Paused):
            self.next()

    @property
    def pauses(self) -> list[int]:
        return [event.step for event in self.events if isinstance(event, Paused)]


def commands(*words: Command) -> Commands:
    waiting = list(words)
    return Commands(lambda: waiting.pop(0) if waiting else None)


@pytest.mark.parametrize(
    ("words", "wishes"),
    [
        ([], "GO GO GO"),
        (["pause"], "PAUSE PAUSE PAUSE"),
        (["step"], "GO PAUSE PAUSE"),
        (["pause", "step", "step"], "GO GO PAUSE"),
        (["step", "step", "pause"], "PAUSE PAUSE PAUSE"),
        (["pause", "go"], "GO GO GO"),
        (["stop", "go"], "STOP STOP STOP"),
    ],
)
def test_commands_become_wishes(words: list[Command], wishes: str) -> None:
    steer = commands(*words)
    assert [steer().name for _ in range(3)] == wishes.split()


def test_a_stop_is_one_wish_among_others() -> None:
    assert (until(lambda: True)(), until(lambda: False)()) == (Wish.STOP, Wish.GO)


def same(a: Path, b: Path) -> bool:
    for name in ("last.safetensors", "best.safetensors"):
        (one, _), (other, _) = load_weights(a / name), load_weights(b / name)
        if one.keys() != other.keys() or not all(np.array_equal(one[key], other[key]) for key in one):
            return False
    return True


def test_pauses_and_steps_change_nothing(stripes: Path, tmp_path: Path) -> None:
    """It rests before the first step, after 1, after 4 and 5 (an epoch's last step), 6, and at the end of step 7."""
    script = Script(["pause"], ["step"], ["step", "step", "step"], ["step"], ["step"], ["step"], ["go"])
    outcome = train(find_network(NET), settings(stripes), tmp_path / "run", script.listen, steer=script.steer)
    assert not outcome.interrupted
    assert script.pauses == [0, 1, 4, 5, 6, 7]
    whole = train(find_network(NET), settings(stripes), tmp_path / "whole", never)
    assert outcome.tested == whole.tested
    assert same(tmp_path / "run", tmp_path / "whole")


def test_a_pause_tells_where_it_is(stripes: Path, tmp_path: Path) -> None:
    script = Script(["pause"], ["step"] * 7, ["stop"])
    outcome = train(
        find_network(NET),
        settings(stripes, schedule="constant"),
        tmp_path / "run",
        script.listen,
        steer=script.steer,
    )
    assert outcome.interrupted
    first, second = [event for event in script.events if isinstance(event, Paused)]
    assert first == Paused(1, 0, STEPS, None, 0.01)
    assert (second.epoch, second.step, second.steps, second.lr) == (2, 7, STEPS, 0.01)
    assert second.loss is not None
    assert 0 < second.loss < 5
    assert [event for event in Run(tmp_path / "run").events() if isinstance(event, Paused)] == [first, second]
    assert isinstance(script.events[-1], Ended)
    assert script.events[-1].reason == "interrupted"


def test_a_pause_is_saved_and_goes_on_in_another_process(stripes: Path, tmp_path: Path) -> None:
    """As if killed in the pause: what is on the disk then, without the end."""

    class Killed(BaseException):
        pass

    script = Script(["pause"], ["step"] * 7, [])

    def listen(event: Event) -> None:
        script.listen(event)
        if isinstance(event, Paused) and event.step == 7:
            raise Killed

    with pytest.raises(Killed):
        train(find_network(NET), settings(stripes), tmp_path / "run", listen, steer=script.steer)
    assert Run(tmp_path / "run").checkpoint().progress.step == 7
    resume(tmp_path / "run", never)
    train(find_network(NET), settings(stripes), tmp_path / "whole", never)
    assert same(tmp_path / "run", tmp_path / "whole")


def test_time_in_a_pause_is_not_training(stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tatami.train.recording.POLL", 0.5)  # what each pause takes at least
    script = Script(["pause"], ["step"], ["step"], ["go"])
    train(find_network(NET), settings(stripes), tmp_path / "run", script.listen, steer=script.steer)
    ended = script.events[-1]
    assert isinstance(ended, Ended)
    assert ended.seconds < 1.4  # three pauses take 1.5 s
    speeds = [event.samples_per_second for event in script.events if isinstance(event, Stepped)]
    assert min(speeds) > 38 / 1.4


def test_a_stop_ends_a_pause(stripes: Path, tmp_path: Path) -> None:
    """From another thread, while it waits."""
    waiting: list[Command] = ["pause"]
    threading.Timer(0.2, lambda: waiting.append("stop")).start()
    steer = Commands(lambda: waiting.pop(0) if waiting else None)
    outcome = train(find_network(NET), settings(stripes), tmp_path / "run", never, steer=steer)
    assert (outcome.interrupted, outcome.tested) == (True, None)
    assert Run(tmp_path / "run").checkpoint().progress.step == 0


def test_ranks_pause_together(
    stripes: Path, tmp_path: Path, in_ranks: Callable[..., list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(["pause"], ["step"], ["step", "step"], ["go"])

    def work(ranks: object) -> object:
        steer = script.steer if ranks.rank == 0 else commands()  # type: ignore[attr-defined]
        listen = script.listen if ranks.rank == 0 else never  # type: ignore[attr-defined]
        return train(find_network(NET), settings(stripes), tmp_path / "run", listen, ranks, steer)  # type: ignore[arg-type]

    def whole(ranks: object) -> object:
        return train(find_network(NET), settings(stripes), tmp_path / "whole", never, ranks)  # type: ignore[arg-type]

    monkeypatch.setattr("tatami.train.recording.stop_on_interrupt", lambda size: _NoSignals())
    for result in (*in_ranks(2, work), *in_ranks(2, whole)):
        assert not isinstance(result, BaseException), result
    assert script.pauses == [0, 1, 3]
    assert same(tmp_path / "run", tmp_path / "whole")


class _NoSignals:
    def __enter__(self) -> Callable[[], bool]:
        return lambda: False

    def __exit__(self, *error: object) -> None:
        return None


def test_what_a_watch_sees_is_told_and_kept(stripes: Path, tmp_path: Path) -> None:
    """It is asked at the start, in each pause, at the end, and in between with ``due`` unset."""
    asked: list[tuple[int, bool]] = []

    def watch(material: Material, trainer: Trainer, due: bool) -> list[Event]:
        step = trainer.progress.step
        asked.append((step, due))
        return [Insight(trainer.progress.epoch, step, [], None, [])] if due else []

    script = Script(["pause"], ["step"] * 3, ["go"])
    train(find_network(NET), settings(stripes), tmp_path / "run", script.listen, steer=script.steer, watch=watch)
    assert [step for step, due in asked if due] == [0, 0, 3, STEPS]
    assert {5, 10, 15, 20} <= {step for step, due in asked if not due}
    kept = [event.step for event in Run(tmp_path / "run").events() if isinstance(event, Insight)]
    assert kept == [0, 0, 3, STEPS]
    assert kept == [event.step for event in script.events if isinstance(event, Insight)]
