"""The events of a run: one stream that progress bar, report and web page all read. One event is one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from tatami.errors import RunError


@dataclass(frozen=True)
class Event:
    """Base of the events."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Started(Event):
    """Training begins: what on, and how long."""

    kind: ClassVar[str] = "started"
    network: str
    data: str
    engine: str
    params: int
    classes: list[str]
    training_samples: int
    validation_samples: int
    test_samples: int
    epochs: int
    steps: int


@dataclass(frozen=True)
class Stepped(Event):
    """A report from within an epoch: ``step`` of ``steps`` over the whole run are done; ``loss`` is a moving mean."""

    kind: ClassVar[str] = "step"
    epoch: int
    step: int
    steps: int
    loss: float
    lr: float
    samples_per_second: float


@dataclass(frozen=True)
class EpochEnded(Event):
    """An epoch is done. The training loss is the mean over the epoch's steps, taken while the weights moved."""

    kind: ClassVar[str] = "epoch"
    epoch: int
    step: int
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    lr: float
    seconds: float
    is_best: bool


@dataclass(frozen=True)
class Tested(Event):
    """The result on samples that took no part in training, with the best epoch's weights."""

    kind: ClassVar[str] = "tested"
    split: str
    loss: float
    accuracy: float
    correct: int
    total: int
    confusion: list[list[int]]


@dataclass(frozen=True)
class Ended(Event):
    """Training is over; ``reason`` is ``finished``, ``interrupted`` or ``failed``."""

    kind: ClassVar[str] = "ended"
    reason: str
    epochs: int
    best_epoch: int
    seconds: float


_KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in (Started, Stepped, EpochEnded, Tested, Ended)}


def to_line(event: Event) -> str:
    """One line of ``events.jsonl``."""
    return json.dumps({"event": event.kind, **asdict(event)})


def from_line(line: str, where: str) -> Event:
    """The event of one line of ``events.jsonl``.

    Raises:
        RunError: when it is none.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        return _KINDS[values.pop("event")](**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError("not an event of a run", where=where, got=line[:60]) from error
