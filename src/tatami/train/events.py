"""The events of a run: one stream that progress bar, report and web page all read. One event is one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar

from tatami.errors import RunError

SCHEMA = "tatami.events/1"


@dataclass(frozen=True)
class Event:
    """Base of the events."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Started(Event):
    """Training begins: what on, how long, and by what. ``notes`` say what the user should know, such as cropped pixels.

    ``command`` is the command line, ``versions`` are those of tatami and its libraries, ``machine`` is the processor.
    """

    kind: ClassVar[str] = "started"
    network: str
    data: str
    kind_of_data: str
    sample: list[int]
    engine: str
    params: int
    classes: list[str]
    training_samples: int
    validation_samples: int
    test_samples: int
    epochs: int
    steps: int
    notes: list[str]
    schema: str = SCHEMA
    targets: list[str] = field(default_factory=list)
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    machine: str = ""
    threads: int = 0


@dataclass(frozen=True)
class Resumed(Event):
    """Training goes on after ``step`` of ``steps`` steps; what had been told of later steps is done again."""

    kind: ClassVar[str] = "resumed"
    epoch: int
    step: int
    epochs: int
    steps: int
    notes: list[str]


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
class Paused(Event):
    """Training rests after ``step`` of ``steps`` steps, and is saved; ``loss`` as in ``step``, null before the first.

    ``epoch`` is the one in hand. What comes behind it, if anything, says that training went on.
    """

    kind: ClassVar[str] = "paused"
    epoch: int
    step: int
    steps: int
    loss: float | None
    lr: float


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
class Measured(Event):
    """The result of a regression, with the best epoch's weights.

    ``loss`` is of the standardised targets; ``rmse`` and ``mae`` are in the targets' units, over all their values;
    ``r2`` is the mean over the targets.
    """

    kind: ClassVar[str] = "measured"
    split: str
    loss: float
    rmse: float
    mae: float
    r2: float
    total: int


@dataclass(frozen=True)
class Ended(Event):
    """Training is over; ``reason`` is ``finished``, ``early`` (no patience), ``interrupted`` or ``failed``.

    ``notes`` say what could be better, such as an engine that waited for data.
    """

    kind: ClassVar[str] = "ended"
    reason: str
    epochs: int
    best_epoch: int
    seconds: float
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Examples(Event):
    """The samples whose outputs later ``insight`` events tell: ``samples`` is an array, ``labels`` what is right.

    Arrays are ``{"shape", "dtype", "data"}``, base64 of uint8 or little-endian float32, the last axis fastest: pictures
    (n, H, W, C), signals (n, L, C). A label is the number of a class, or the targets of a regression in their units.
    """

    kind: ClassVar[str] = "examples"
    samples: dict[str, Any]
    labels: list[Any]


@dataclass(frozen=True)
class Insight(Event):
    """What the network looks like within, after ``step`` steps.

    ``layers`` are, in the network's order, ``{"name", "type", "activations", "gradients"}``: histograms ``{"low",
    "high", "counts", "zero", "mean", "std"}`` of the outputs, for some training samples in inference mode, and of the
    loss's gradient for the layer's weights; null where there are none. ``zero`` is the share of values that are 0.
    ``filters`` is the first layer's, an array (filters, ..., channels) with its ``layer``, ``low`` and ``high``, scaled
    to 0 to 255; null where the first layer has none. ``outputs`` are, for each of the ``examples``, probabilities, or
    the targets of a regression in their units; null is no finite number. ``accuracy`` is of some training samples as
    they are, in inference mode; null of a regression.
    """

    kind: ClassVar[str] = "insight"
    epoch: int
    step: int
    layers: list[dict[str, Any]]
    filters: dict[str, Any] | None
    outputs: list[list[float | None]]
    accuracy: float | None = None


_ALL = (Started, Resumed, Stepped, Paused, EpochEnded, Tested, Measured, Ended, Examples, Insight)
_KINDS: dict[str, type[Event]] = {cls.kind: cls for cls in _ALL}


def to_line(event: Event) -> str:
    """One line of ``events.jsonl``."""
    return json.dumps({"event": event.kind, **asdict(event)}, allow_nan=False)


def from_line(line: str, where: str) -> Event | None:
    """The event of one line of ``events.jsonl``; None for a kind that a later version has added.

    Raises:
        RunError: when it is none.
    """
    try:
        values: dict[str, Any] = json.loads(line)
        cls = _KINDS.get(values["event"])
        if cls is None:
            return None
        known = {each.name for each in fields(cls)}  # later versions may add keys
        return cls(**{name: value for name, value in values.items() if name in known})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunError("not an event of a run", where=where, got=line[:60]) from error
