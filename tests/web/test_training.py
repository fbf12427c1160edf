"""The controller of the page's training: a real process, commands through its pipe, events from its file."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tatami.errors import NotationError, OptionError, RunError
from tatami.formats import load_weights
from tatami.network import find_network
from tatami.train import TrainConfig, train
from tatami.train.run import Run
from tatami.web.line import Line
from tatami.web.session import Session
from tatami.web.training import Settings, Trainings
from tatami.web.training_child import Task
from tatami.web.training_events import read_piece
from tatami.web.views import train as view

NET = Line("INPUT -> CONV(4) -> RELU -> POOL -> FC")
PATIENCE = 60


@pytest.fixture
def stripes(write_stripes: Callable[..., Path]) -> Path:
    return write_stripes(48, 20, tones=(200, 40), noise=40, classes=["across", "down"])


@pytest.fixture
def session(stripes: Path, tmp_path: Path) -> Iterator[Session]:
    opened = Session(str(stripes), tmp_path / "runs")
    yield opened
    opened.close()


@pytest.fixture
def trainings(session: Session) -> Trainings:
    return Trainings(session, every=0.05)


def settings(session: Session, **given: Any) -> Settings:
    return Settings(**{"data": session.data_ids()[0], "epochs": 4, "batch": 8, "lr": 0.01, **given})


class Reader:
    """A page: it reads a run's events from where it was."""

    def __init__(self, trainings: Trainings, name: str) -> None:
        self.trainings, self.name = trainings, name
        self.next, self.mark = 0, 0
        self.events: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        piece = self.trainings.read(self.name, self.next, self.mark)
        if piece.again:
            self.events = []
        self.events += [json.loads(bytes(event)) for event in piece.events]
        self.next, self.mark = piece.next, piece.mark
        return self.events

    def wait(self, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        until = time.monotonic() + PATIENCE
        while not condition(self.read()):
            state = self.trainings.state(self.name)
            assert state["failure"] is None, state["failure"]
            assert time.monotonic() < until, [event["event"] for event in self.events][-5:]
            time.sleep(0.02)
        return self.events

    def wait_for(self, kind: str, **values: Any) -> dict[str, Any]:
        """The first event of a kind with these values."""

        def found(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [e for e in events if e["event"] == kind and all(e[name] == value for name, value in values.items())]

        return found(self.wait(lambda events: bool(found(events))))[0]

    def wait_for_end(self) -> None:
        until = time.monotonic() + PATIENCE
        while self.trainings.state(self.name)["active"]:
            assert time.monotonic() < until
            time.sleep(0.02)
        self.read()


def same(a: Path, b: Path) -> bool:
    for name in ("last.safetensors", "best.safetensors"):
        (one, _), (other, _) = load_weights(a / name), load_weights(b / name)
        if one.keys() != other.keys() or not all(np.array_equal(one[key], other[key]) for key in one):
            return False
    return True


def straight(session: Session, path: Path, epochs: int = 4) -> Path:
    """The run of `tatami train` with the same settings."""
    config = TrainConfig(str(session.given), epochs=epochs, batch=8, lr=0.01, keep_epochs=20)
    train(find_network(NET.text), config, path, lambda event: None)
    return path


def test_pause_step_go_stop_go_and_rewind(session: Session, trainings: Trainings, tmp_path: Path) -> None:
    """One long use of the page, which ends with the weights of a training that nobody disturbed."""
    name = trainings.start(NET, settings(session, pauses=True))
    assert trainings.active == name
    page = Reader(trainings, name)
    assert page.wait_for("paused")["step"] == 0
    trainings.command(name, "step")
    trainings.command(name, "step")
    assert page.wait_for("paused", step=2)["epoch"] == 1
    for _ in range(6):
        trainings.command(name, "step")
    page.wait_for("paused", step=8)
    assert trainings.state(name)["kept"] == [1]
    trainings.command(name, "stop")
    page.wait_for_end()
    assert page.events[-1]["reason"] == "interrupted"
    assert trainings.active is None

    trainings.command(name, "step")  # takes it up again, for one step
    page.wait_for("resumed", step=8)
    page.wait_for("paused", step=9)
    trainings.command(name, "go")
    page.wait_for_end()
    assert (page.events[-1]["event"], page.events[-1]["reason"]) == ("ended", "finished")
    whole = straight(session, tmp_path / "whole")
    assert same(tmp_path / "runs" / name, whole)

    assert trainings.state(name) == {"active": False, "stopping": False, "failure": None, "kept": [1, 2, 3, 4]}
    before = (tmp_path / "runs" / name / "events.jsonl").read_bytes()
    again = trainings.rewind(name, 2)
    assert again == f"{name}-from-2-1"
    assert session.run_ids()[0] == again
    other = Reader(trainings, again)
    other.read()
    assert [event["epoch"] for event in other.events if event["event"] == "epoch"] == [1, 2]
    trainings.command(again, "go")
    other.wait_for_end()
    assert same(tmp_path / "runs" / again, whole)
    assert (tmp_path / "runs" / name / "events.jsonl").read_bytes() == before


def test_a_rewind_stops_the_training_of_the_run(session: Session, trainings: Trainings) -> None:
    name = trainings.start(NET, settings(session, epochs=100_000))
    page = Reader(trainings, name)
    page.wait_for("epoch", epoch=2)
    again = trainings.rewind(name, 1)
    assert trainings.active is None
    assert page.read()[-1]["reason"] == "interrupted"
    assert trainings.state(again)["kept"] == [1]


def test_insights_tell_of_layers_filters_and_examples(session: Session, trainings: Trainings) -> None:
    name = trainings.start(NET, settings(session))
    page = Reader(trainings, name)
    page.wait_for_end()
    examples = page.wait_for("examples")
    assert examples["samples"]["shape"] == [10, 8, 8, 1]
    assert examples["labels"] == sorted(examples["labels"])
    looks = [event for event in page.events if event["event"] == "insight"]
    assert (looks[0]["step"], looks[-1]["step"]) == (0, 24)
    for look in looks:
        assert [layer["name"] for layer in look["layers"]] == ["conv1", "relu1", "pool1", "fc1"]
        assert look["filters"]["shape"] == [4, 3, 3, 1]
        assert np.allclose(np.sum(look["outputs"], axis=1), 1, atol=1e-4)
    assert np.shape(looks[0]["outputs"]) == (10, 2)
    assert looks[0]["filters"]["data"] != looks[-1]["filters"]["data"]


def test_several_pages_read_the_same(session: Session, trainings: Trainings) -> None:
    """One from the beginning, one that comes later, one after the end: the same events."""
    name = trainings.start(NET, settings(session))
    first, second = Reader(trainings, name), Reader(trainings, name)
    first.wait_for("epoch", epoch=1)
    second.wait_for("epoch", epoch=2)
    first.wait_for_end()
    second.read()
    third = Reader(trainings, name)
    assert first.events == second.events == third.read()
    lines = (trainings.path(name) / "events.jsonl").read_text().splitlines()
    assert third.events == [json.loads(line) for line in lines]


def test_one_training_at_a_time(session: Session, trainings: Trainings) -> None:
    name = trainings.start(NET, settings(session, pauses=True))
    with pytest.raises(RunError) as caught:
        trainings.start(NET, settings(session))
    assert str(caught.value) == f"{name}: a training is under way (hint: stop it first: it can go on later)"
    trainings.command(name, "stop")
    Reader(trainings, name).wait_for_end()
    other = trainings.start(NET, settings(session, epochs=1))
    assert other != name
    Reader(trainings, other).wait_for_end()


def test_a_line_that_does_not_read_is_refused_at_once(session: Session, trainings: Trainings, tmp_path: Path) -> None:
    with pytest.raises(NotationError):
        trainings.start(Line("INPUT -> (CONV -> FC"), settings(session))
    with pytest.raises(OptionError, match="no such data here"):
        trainings.start(NET, settings(session, data="/etc/passwd"))
    with pytest.raises(NotationError):  # a path is no more than a text that does not read
        trainings.start(Line("some/file.net"), settings(session))
    assert not (tmp_path / "runs").exists()


def failed(trainings: Trainings, name: str) -> dict[str, Any]:
    """The failure of a training that never began."""
    until = time.monotonic() + PATIENCE
    while trainings.state(name)["active"]:
        assert time.monotonic() < until
        time.sleep(0.02)
    failure = trainings.state(name)["failure"]
    assert failure is not None
    return dict(failure)


def test_what_is_refused_later_is_told_and_leaves_nothing(
    session: Session, trainings: Trainings, tmp_path: Path
) -> None:
    name = trainings.start(NET, settings(session, optimizer="adamm"))
    failure = failed(trainings, name)
    assert failure["text"].startswith("unknown optimizer; got adamm")
    assert failure["hint"] == "did you mean adam?"
    name = trainings.start(Line("INPUT -> CONW -> FC"), settings(session))
    failure = failed(trainings, name)
    assert (failure["problem"], failure["start"], failure["end"]) == ("unknown layer CONW", 9, 13)
    session.close()
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_loss_that_is_no_number_is_told(session: Session, trainings: Trainings, tmp_path: Path) -> None:
    name = trainings.start(NET, settings(session, optimizer="sgd", lr=1e30))
    failure = failed(trainings, name)
    assert failure["problem"] == "the loss is no number any more"
    assert failure["hint"].endswith(f"what there is lies in {tmp_path / 'runs' / name}")
    events = Reader(trainings, name).read()
    assert (events[-1]["event"], events[-1]["reason"]) == ("ended", "failed")


def test_commands_that_cannot_be(session: Session, trainings: Trainings, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as caught:
        trainings.command("any", "dance")
    assert str(caught.value) == "no such command; got 'dance'; expected pause, step, go, stop"
    with pytest.raises(RunError, match="no such run here"):
        trainings.command("any", "go")
    straight(session, tmp_path / "runs" / "one", epochs=1)
    with pytest.raises(RunError) as refused:
        trainings.command("one", "pause")
    assert str(refused.value) == "one: this run is not being trained (hint: go on with it first)"
    with pytest.raises(RunError, match="this epoch was not kept; got 7; expected one of 1"):
        trainings.rewind("one", 7)
    assert session.run_ids() == ["one"]


def test_closing_the_session_saves_the_training(session: Session, trainings: Trainings, tmp_path: Path) -> None:
    name = trainings.start(NET, settings(session, epochs=100_000))
    page = Reader(trainings, name)
    page.wait_for("step")
    session.close()
    assert trainings.active is None
    assert page.read()[-1]["reason"] == "interrupted"
    steps = [event["step"] for event in page.events if event["event"] == "step"]
    assert Run(tmp_path / "runs" / name).checkpoint().progress.step >= steps[-1] > 0


def test_a_killed_training_says_so_and_goes_on(session: Session, trainings: Trainings, tmp_path: Path) -> None:
    """SIGKILL: nothing is lost but what came after the last save."""
    name = trainings.start(NET, settings(session, pauses=True))
    page = Reader(trainings, name)
    page.wait_for("paused")
    for _ in range(7):
        trainings.command(name, "step")
    page.wait_for("paused", step=7)
    (child,) = [process for process in multiprocessing.active_children() if process.name == "training"]
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    page.wait_for_end()
    failure = trainings.state(name)["failure"]
    assert failure["text"] == (
        f"{name}: the training has ended unexpectedly; got signal 9 "
        "(hint: what was saved last is there, and it can go on)"
    )
    trainings.command(name, "go")
    page.wait_for("resumed", step=7)
    page.wait_for_end()
    assert same(tmp_path / "runs" / name, straight(session, tmp_path / "whole"))


def _serve_and_die(data: str, runs: str) -> None:
    """A server that ends without a word while its training goes on."""
    trainings = Trainings(Session(data, Path(runs)))
    name = trainings.start(NET, Settings(Path(data).name, epochs=100_000, batch=8))
    Reader(trainings, name).wait_for("epoch", epoch=1)
    os._exit(0)


def test_a_training_without_its_server_is_saved(stripes: Path, tmp_path: Path) -> None:
    server = multiprocessing.get_context("spawn").Process(
        target=_serve_and_die, args=(str(stripes), str(tmp_path / "r"))
    )
    server.start()
    server.join(PATIENCE)
    assert server.exitcode == 0
    (run,) = (tmp_path / "r").iterdir()
    until = time.monotonic() + PATIENCE
    while '"ended"' not in (run / "events.jsonl").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert '"interrupted"' in (run / "events.jsonl").read_text().splitlines()[-1]
    assert Run(run).checkpoint().progress.step >= 6


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
def test_ctrl_c_while_training_loses_nothing(tmp_path: Path) -> None:
    """As a terminal sends it: to the server and all its children at once."""
    command = [sys.executable, "-m", "tatami", "web", "sample:gunpoint", "--no-browser", "--runs", str(tmp_path)]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    home = address.partition("/?")[0]
    with httpx2.Client(headers={"Origin": home}) as client:
        client.get(address)
        body = {"line": {"text": "INPUT -> FC"}, "settings": {"data": "sample:gunpoint", "epochs": 100_000}}
        answer = client.post(f"{home}/api/train/start", json=body)
        assert answer.status_code == 200, answer.text
        run = tmp_path / answer.json()["run"]
        until = time.monotonic() + PATIENCE
        while not (run / "last.safetensors").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
    os.killpg(server.pid, signal.SIGINT)
    _, errors = server.communicate(timeout=PATIENCE)
    assert server.returncode == 130, errors
    assert f"saving {run} ..." in errors
    assert "Traceback" not in errors
    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    assert events[-1]["reason"] == "interrupted"
    assert Run(run).checkpoint().progress.step >= [e["step"] for e in events if e["event"] == "step"][-1]


# --- the file, piece by piece ---


def lines_of(run: Path, start: int = 0, mark: int = 0, most: int = 10**6) -> tuple[list[Any], Any]:
    piece = read_piece(run, start, mark, most)
    return [json.loads(bytes(event)) for event in piece.events], piece


def test_pieces_are_whole_lines(tmp_path: Path) -> None:
    assert lines_of(tmp_path)[0] == []
    file = tmp_path / "events.jsonl"
    file.write_text('{"a": 1}\n{"a": 2}\n{"a": "é"}\n{"a"')
    found, piece = lines_of(tmp_path, most=3)
    assert (found, piece.next) == ([{"a": 1}], 9)
    found, piece = lines_of(tmp_path, piece.next, piece.mark)
    assert (found, piece.again) == ([{"a": 2}, {"a": "é"}], False)
    assert lines_of(tmp_path, piece.next, piece.mark)[0] == []
    with file.open("a") as more:
        more.write(": 4}\n")
    assert lines_of(tmp_path, piece.next, piece.mark)[0] == [{"a": 4}]


def test_a_file_that_was_rewritten_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text('{"a": 1}\n{"a": 2}\n')
    _, piece = lines_of(tmp_path)
    file.write_text('{"a": 1}\n')
    found, shorter = lines_of(tmp_path, piece.next, piece.mark)
    assert (found, shorter.again) == ([{"a": 1}], True)
    file.write_text('{"a": 1}\n{"a": 3}\n{"a": 4}\n')  # as long, and longer
    found, longer = lines_of(tmp_path, piece.next, piece.mark)
    assert (found, longer.again) == ([{"a": 1}, {"a": 3}, {"a": 4}], True)
    file.unlink()
    assert lines_of(tmp_path, longer.next, longer.mark)[1].again


def test_half_a_line_of_a_crash_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"a": 1}\n{"a": {"a": 2}\n{"a": 3}\n')
    assert lines_of(tmp_path)[0] == [{"a": 1}, {"a": 3}]


# --- over HTTP ---


def test_the_view_over_http(session: Session, stripes: Path) -> None:
    with TestClient(Starlette(routes=view.routes(session))) as client:
        setup = client.get("/api/train/setup").json()
        assert setup["data"][0] == stripes.name
        assert "adamw" in setup["optimizers"]
        assert setup["augment"] == ["none", "light", "strong", "auto"]
        line, chosen = {"text": NET.text}, {"data": stripes.name, "epochs": 1, "batch": 8}
        answer = client.post("/api/train/start", json={"line": line, "settings": chosen})
        assert answer.status_code == 200, answer.text
        name = answer.json()["run"]
        until, told = time.monotonic() + PATIENCE, {"active": True, "next": 0, "mark": 0}
        events: list[dict[str, Any]] = []
        while told["active"]:
            assert time.monotonic() < until
            told = client.get(f"/api/train/runs/{name}/events?from={told['next']}&mark={told['mark']}").json()
            events += told["events"]
        assert (events[0]["event"], events[-1]["event"]) == ("started", "ended")
        assert (told["failure"], told["kept"], told["size"]) == (None, [1], told["next"])
        runs = client.get("/api/train/runs").json()["runs"]
        assert runs == [{"name": name, "active": False, "network": "network", "data": stripes.name}]
        again = client.post("/api/train/rewind", json={"run": name, "epoch": 1}).json()["run"]
        assert [run["name"] for run in client.get("/api/train/runs").json()["runs"]] == [again, name]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/api/train/runs/none/events", "no such run here; got 'none'"),
        ("/api/train/runs/..%2Fx/events", None),
        ("/api/train/runs/one/events?from=x", "from: not a place in a file; got 'x'; expected a whole number"),
        ("/api/train/runs/one/events?mark=-1", "mark: not a place in a file; got '-1'; expected a whole number"),
    ],
)
def test_requests_that_are_refused(session: Session, path: str, text: str | None, tmp_path: Path) -> None:
    straight(session, tmp_path / "runs" / "one", epochs=1)
    with TestClient(Starlette(routes=view.routes(session))) as client:
        answer = client.get(path)
    assert answer.status_code == (404 if text is None else 400)
    if text is not None:
        assert answer.json()["error"]["text"].startswith(text)


def test_a_refused_line_points_at_its_place(session: Session) -> None:
    with TestClient(Starlette(routes=view.routes(session))) as client:
        body = {"line": {"text": "INPUT -> [CONV -> FC"}, "settings": {"data": session.data_ids()[0]}}
        answer = client.post("/api/train/start", json=body)
    assert answer.status_code == 400
    assert (answer.json()["error"]["start"], answer.json()["error"]["end"]) == (20, 20)


def test_a_task_can_be_sent_to_a_process() -> None:
    import pickle

    task = Task(Path("runs/one"), NET, TrainConfig("sample:digits"), ("pause",))
    assert pickle.loads(pickle.dumps(task)) == task


def test_events_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(RunError, match=r"events.jsonl cannot be read; got Is a directory"):
        read_piece(tmp_path)
