"""Train: start a training, tell it what to do, and read what it tells: see :mod:`tatami.web.training`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.routing import Route

from tatami.data.augment import PRESETS
from tatami.errors import OptionError
from tatami.recipe.optimizers import OPTIMIZERS
from tatami.recipe.schedules import SCHEDULES
from tatami.train.run import EVENTS
from tatami.web.data_name import data_name
from tatami.web.line import Line
from tatami.web.routes import get, post
from tatami.web.session import Session
from tatami.web.training import Settings, Trainings

MOST_RUNS = 50


@dataclass(frozen=True)
class Start:
    """A line, and how to train it."""

    line: Line
    settings: Settings


@dataclass(frozen=True)
class Told:
    """A command for a run: see :meth:`tatami.web.training.Trainings.command`."""

    run: str
    command: str


@dataclass(frozen=True)
class Rewind:
    """A run and the epoch to begin behind."""

    run: str
    epoch: int


def routes(session: Session) -> list[Route]:
    """The paths of this view."""
    trainings = Trainings(session)
    return [
        get("/api/train/setup", lambda asked: setup(session)),
        get("/api/train/runs", lambda asked: {"runs": listed(session, trainings)}),
        get("/api/train/runs/{run}/events", lambda asked: events(trainings, asked)),
        post("/api/train/start", Start, lambda asked: {"run": trainings.start(asked.line, asked.settings)}),
        post("/api/train/command", Told, lambda asked: {"run": trainings.command(asked.run, asked.command)}),
        post("/api/train/rewind", Rewind, lambda asked: {"run": trainings.rewind(asked.run, asked.epoch)}),
    ]


def setup(session: Session) -> dict[str, Any]:
    """What can be chosen from; the first of the data is the one that is meant unless another is chosen."""
    return {
        "data": session.data_ids(),
        "optimizers": list(OPTIMIZERS),
        "schedules": list(SCHEDULES),
        "augment": list(PRESETS),
    }


def listed(session: Session, trainings: Trainings) -> list[dict[str, Any]]:
    """The runs, newest first: ``name``, ``network``, ``data``, and whether it is being trained."""
    active = trainings.active
    names = session.run_ids()[:MOST_RUNS]
    if active is not None and active not in names:
        names.insert(0, active)
    return [{"name": name, "active": name == active, **_beginning(trainings, name)} for name in names]


def _beginning(trainings: Trainings, name: str) -> dict[str, Any]:
    try:
        with (trainings.path(name) / EVENTS).open("rb") as file:
            told = msgspec.json.decode(file.readline(2**20))
        return {"network": str(told["network"]), "data": data_name(str(told["data"]))}
    except (OSError, KeyError, TypeError, msgspec.DecodeError):
        return {"network": "", "data": ""}


def events(trainings: Trainings, asked: Mapping[str, str]) -> dict[str, Any]:
    """The lines of a run's ``events.jsonl`` from a place on, and what its training is doing.

    ``next`` and ``mark`` are to be sent as ``from`` and ``mark`` with the next request; ``again`` says that these lines
    are from the start, because what was read before no longer holds.

    Raises:
        OptionError: ``from`` or ``mark`` is no number.
        RunError: no such run.
    """
    # The state first: of a training that has ended, all lines are there then.
    state = trainings.state(asked["run"])
    piece = trainings.read(asked["run"], _number(asked, "from"), _number(asked, "mark"))
    return {
        "events": piece.events,
        **{"next": piece.next, "mark": piece.mark, "size": piece.size, "again": piece.again},
        **state,
    }


def _number(asked: Mapping[str, str], name: str) -> int:
    text = asked.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise OptionError("not a place in a file", where=name, got=repr(text[:40]), expected="a whole number")
    return int(text)
