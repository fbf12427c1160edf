"""The run directory: everything about one training, enough to predict, evaluate and report.

network.net        the network's text, with input shape and classes
config.toml        the settings, defaults resolved
split.json         which samples were held out, and a digest of the data
events.jsonl       the one stream of events
metrics.csv        a row an epoch
best.safetensors   weights of the best epoch; network, classes and preprocessing in the metadata
last.safetensors   the latest weights with optimizer state, averages and progress: enough to go on
checkpoints/N/     both as they were at the end of epoch N, where some are kept: see :mod:`tatami.train.rewind`
evaluation.json    the result, in full
report.html        all of it to look at
"""

from __future__ import annotations

import csv
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from tatami._version import __version__
from tatami.data import Preprocess
from tatami.engines import Model, compile
from tatami.engines.checks import check_tensors
from tatami.errors import OptionError, RunError, TatamiError
from tatami.formats import atomic_write, load_weights, save_weights
from tatami.network import Network, source_of_text
from tatami.network.layers import size_text
from tatami.recipe import CrossEntropy, Loss, make_loss
from tatami.train.average import PREFIX, Average
from tatami.train.config import ResolvedConfig
from tatami.train.config_file import read_resolved, to_toml
from tatami.train.events import (
    Ended,
    EpochEnded,
    Event,
    Insight,
    Measured,
    Paused,
    Resumed,
    Stepped,
    Tested,
    from_line,
    to_line,
)
from tatami.train.progress import Progress
from tatami.train.targets import Standard

NETWORK, CONFIG, EVENTS, METRICS = "network.net", "config.toml", "events.jsonl", "metrics.csv"
BEST, LAST, REPORT, SPLIT = "best.safetensors", "last.safetensors", "report.html", "split.json"
EVALUATION = "evaluation.json"
MANY = 10_000  # more runs of one name than anybody has


@dataclass(frozen=True)
class Identity:
    """What weights must carry to be of use.

    Attributes:
        network: its text.
        classes: names, in the order of the scores; empty for a regression.
        preprocess: what was done to the samples.
        loss: by which it was trained.
        standard: how the targets of a regression were standardised.
    """

    network: str
    classes: tuple[str, ...]
    preprocess: Preprocess
    loss: Loss
    standard: Standard | None = None

    @property
    def outputs(self) -> int:
        """What the network ends in: scores, one a class, or one a target."""
        return len(self.standard.names) if self.standard is not None else len(self.classes)

    def to_metadata(self) -> dict[str, str]:
        """As strings, for the head of a safetensors file."""
        metadata = {
            "tatami": __version__,
            "network": self.network,
            "classes": json.dumps(self.classes),
            "preprocess": json.dumps(self.preprocess.to_dict()),
            "loss": self.loss.name,
        }
        return metadata if self.standard is None else {**metadata, "targets": self.standard.to_json()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str], where: str) -> Identity:
        """Read the head of a safetensors file.

        Raises:
            RunError: it is not one of tatami's.
        """
        missing = [key for key in ("network", "classes", "preprocess") if key not in metadata]
        if missing:
            raise RunError("these weights do not say what they belong to", where=where, got=f"no {missing[0]}")
        try:
            names = json.loads(metadata["classes"])
            if not isinstance(names, list):
                raise TypeError("the classes are no list")
            classes = tuple(map(str, names))
            preprocess = Preprocess.from_dict(json.loads(metadata["preprocess"]), where)
            loss = make_loss(metadata.get("loss", CrossEntropy.name))
            standard = Standard.from_json(metadata["targets"], where) if "targets" in metadata else None
        except (ValueError, TypeError, RecursionError, OptionError) as error:
            raise RunError("the metadata of these weights is damaged", where=where, got=error) from error
        return cls(metadata["network"], classes, preprocess, loss, standard)


@dataclass(frozen=True)
class Held:
    """Which samples were held out, and of what data.

    Attributes:
        validation: rows of the training split, ascending.
        samples: that the training split has.
        digest: of labels and samples: see :func:`tatami.train.digest.digest`.
    """

    validation: tuple[int, ...]
    samples: int
    digest: str


@dataclass(frozen=True)
class Checkpoint:
    """What ``last.safetensors`` holds: all that a training needs to go on.

    Attributes:
        weights, optimizer: for ``load_state_dict`` and ``load_training_state``.
        averages: of the weights; empty where none were kept.
        identity: of the weights.
        progress: how far the training had come.
    """

    weights: dict[str, NDArray[Any]]
    optimizer: dict[str, NDArray[Any]]
    averages: dict[str, NDArray[Any]]
    identity: Identity
    progress: Progress


class Run:
    """A run directory on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def alone(self, wait: float = 0.0) -> Iterator[None]:
        """Keep other processes from writing to this run, where the system has flock; the lock ends with the process.

        Args:
            wait: seconds in which another process may come to its end.

        Raises:
            RunError: another process is writing to it.
        """
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        handle, until = os.open(self.path, os.O_RDONLY), time.monotonic() + wait
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() >= until:
                        raise RunError(
                            "another process is training this run", where=str(self.path), hint="wait for it, or stop it"
                        ) from error
                time.sleep(0.05)
            yield
        finally:
            os.close(handle)

    @classmethod
    def create(cls, path: Path | None, name: str, network_text: str, config: ResolvedConfig, held: Held) -> Run:
        """Make a new directory; one that holds something is never written over.

        Args:
            path: where; None for the first free ``runs/NAME-N``.
            name: of the data.
            network_text: the text of ``network.net``.
            config: the settings.
            held: which samples are held out.

        Raises:
            RunError: the place is taken or cannot be written.
        """
        path = place(path, name)
        atomic_write(path / NETWORK, network_text)
        atomic_write(path / CONFIG, to_toml(config))
        atomic_write(path / SPLIT, json.dumps(asdict(held)) + "\n")
        return cls(path)

    def config(self) -> ResolvedConfig:
        """The settings.

        Raises:
            RunError: there are none, or they are damaged.
        """
        return read_resolved(self._text(CONFIG), str(self.path / CONFIG))

    def network_text(self) -> str:
        """The text of ``network.net``."""
        return self._text(NETWORK)

    def held(self) -> Held:
        """Which samples are held out.

        Raises:
            RunError: the file is missing or damaged.
        """
        try:
            values = json.loads(self._text(SPLIT))
            rows = tuple(int(row) for row in values["validation"])
            return Held(rows, int(values["samples"]), str(values["digest"]))
        except (ValueError, TypeError, KeyError) as error:
            raise RunError("the split of this run is damaged", where=str(self.path / SPLIT), got=error) from error

    def rewrite(self, config: ResolvedConfig) -> None:
        """Keep other settings from now on, as where a run is extended."""
        atomic_write(self.path / CONFIG, to_toml(config))

    def _text(self, name: str) -> str:
        path = self.path / name
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise RunError("not a run", where=str(self.path), expected=f"a directory with {name}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise RunError("a file of the run cannot be read", where=str(path), got=error) from error

    def append(self, event: Event) -> None:
        """Add one line to the stream of events.

        Raises:
            RunError: the disk does not take it.
        """
        try:
            with (self.path / EVENTS).open("a", encoding="utf-8") as file:
                file.write(to_line(event) + "\n")
        except OSError as error:
            raise RunError("the run cannot be written", where=str(self.path / EVENTS), got=error.strerror) from error

    def events(self) -> list[Event]:
        """All events so far. A last line that was cut off, as by a crash, is left out."""
        path = self.path / EVENTS
        text = self._text(EVENTS)
        complete = text[: text.rfind("\n") + 1]
        events = [from_line(line, f"{path}:{i}") for i, line in enumerate(complete.splitlines(), 1)]
        return [event for event in events if event is not None]

    def forget_after(self, progress: Progress) -> list[Event]:
        """Drop the events of steps that will be done again, and the result; returns those that remain.

        The evaluation goes after the end: without that, nobody takes it for this run's.
        """
        events = [event for event in self.events() if not _is_later(event, progress)]
        atomic_write(self.path / EVENTS, "".join(to_line(event) + "\n" for event in events))
        (self.path / EVALUATION).unlink(missing_ok=True)
        return events

    def write_metrics(self, epochs: list[EpochEnded]) -> None:
        """Write ``metrics.csv`` anew."""
        columns = ("epoch", "step", "train_loss", "validation_loss", "validation_accuracy", "lr", "seconds")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([getattr(epoch, column) for column in columns] for epoch in epochs)
        atomic_write(self.path / METRICS, text.getvalue())

    def save(
        self, model: Model, identity: Identity, progress: Progress, average: Average | None, *, is_best: bool
    ) -> None:
        """Save what the training needs to go on as the latest, and perhaps the weights as the best.

        The best are written first: after a crash in between, the epoch is done again, and gives the same.
        """
        metadata = {**identity.to_metadata(), "epoch": str(progress.epoch)}
        weights = model.state_dict()
        if is_best:
            save_weights(self.path / BEST, weights if average is None else average.weights, metadata)
        averages = {} if average is None else average.state()
        state = {**weights, **model.training_state(), **averages}
        save_weights(self.path / LAST, state, {**metadata, "progress": progress.to_json()})

    def checkpoint(self) -> Checkpoint:
        """The latest state of the training.

        Raises:
            RunError: there is none, or it is damaged.
        """
        path = self.path / LAST
        if not path.exists():
            raise RunError(
                "this run was stopped before anything was saved", where=str(self.path), hint="start it again"
            )
        tensors, metadata = load_weights(path)
        identity = Identity.from_metadata(metadata, str(path))
        if "progress" not in metadata:
            raise RunError("this run is of a version that could not be resumed", where=str(path), got="no progress")
        progress = Progress.from_json(metadata["progress"], str(path))
        averages = {name.removeprefix(PREFIX): t for name, t in tensors.items() if name.startswith(PREFIX)}
        optimizer = {n: t for n, t in tensors.items() if n.startswith("optimizer.") or n == "steps"}
        weights = {n: t for n, t in tensors.items() if n not in optimizer and not n.startswith(PREFIX)}
        return Checkpoint(weights, optimizer, averages, identity, progress)

    def best_weights(self) -> dict[str, NDArray[Any]]:
        """The weights of the best epoch."""
        return load_weights(self.path / BEST)[0]


def _is_later(event: Event, progress: Progress) -> bool:
    """Whether an event tells of what comes after ``progress``."""
    if isinstance(event, EpochEnded):
        return event.epoch > progress.epoch
    if isinstance(event, (Stepped, Paused, Insight, Resumed)):
        return event.step > progress.step
    return isinstance(event, (Tested, Measured, Ended))


def place(path: Path | None, name: str, runs: Path = Path("runs")) -> Path:
    """A new directory for a run: an empty one at ``path``, or, for None, the first free ``NAME-N`` in ``runs``.

    Raises:
        RunError: the place is taken or cannot be written.
    """
    try:
        return _new_folder(name, runs) if path is None else _own_folder(path)
    except OSError as error:
        raise RunError("the run cannot be written", where=str(path or runs), got=error.strerror) from error


def _own_folder(path: Path) -> Path:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError("the run's place is taken", where=str(path), hint="--run another, or remove it")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _new_folder(name: str, runs: Path) -> Path:
    """The first free ``NAME-N``; made at once, so that two runs never share one."""
    stem = "".join(c if c.isalnum() else "-" for c in name.removeprefix("sample:")).strip("-") or "run"
    runs.mkdir(parents=True, exist_ok=True)
    for n in range(1, MANY):
        path = runs / f"{stem}-{n}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise RunError("too many runs of this name", where=str(runs), got=stem, hint="--run NAME")


@dataclass(frozen=True)
class Trained:
    """A trained network, ready to use."""

    model: Model
    network: Network
    identity: Identity


def load_trained(path: Path, engine: str = "cpu", batch: int = 64, **place: Any) -> Trained:
    """Load the best weights of a run directory, or a weights file of tatami by itself.

    Args:
        path: of the run, or of the file.
        engine: which computes.
        batch: most samples at once.
        place: where the torch engine computes, and how: ``device`` and ``dtype`` of :func:`tatami.engines.compile`.

    Raises:
        RunError: neither, or damaged.
    """
    network, identity, weights = read_trained(path)
    model = compile(network, engine, batch=batch, loss=identity.loss, **place)
    model.load_state_dict(weights)
    return Trained(model, network, identity)


def read_trained(path: Path) -> tuple[Network, Identity, dict[str, NDArray[Any]]]:
    """As :func:`load_trained`, but without an engine: the network, what its weights carry, and the weights."""
    if path.is_dir():
        if not (path / BEST).exists():
            raise RunError("no trained weights here", where=str(path), expected=f"a run directory with {BEST}")
        path = path / BEST
    elif not path.exists():
        raise RunError("no such run", where=str(path), expected="a run directory or a .safetensors file")
    tensors, metadata = load_weights(path)
    identity = Identity.from_metadata(metadata, str(path))
    try:
        network = source_of_text(identity.network).build()
    except TatamiError as error:
        raise RunError("the network of these weights cannot be built", where=str(path), got=error) from error
    _need_match(network, identity, tensors, str(path))
    return network, identity, {name: tensors[name] for name in network.parameters()}


def _need_match(network: Network, identity: Identity, tensors: Mapping[str, NDArray[Any]], where: str) -> None:
    """Hold network, classes, preprocessing and tensors of a file against one another, before memory is taken.

    Raises:
        RunError: they do not belong together.
    """
    expected = {name: parameter.shape for name, parameter in network.parameters().items()}
    found = {name: tensor for name, tensor in tensors.items() if name in expected}
    try:
        check_tensors(found, expected, "weights")
    except RunError as error:
        raise RunError(
            error.problem, where=f"{where}, {error.where}", got=error.got, expected=error.expected, hint=error.hint
        ) from error
    if network.output_shape != (identity.outputs,):
        raise RunError(
            "the classes do not fit the network",
            where=where,
            got=f"{identity.outputs} {'targets' if identity.standard else 'classes'}",
            expected=f"{size_text(network.output_shape)}",
        )
    if identity.preprocess.shape != network.input_shape:
        raise RunError(
            "the preprocessing does not fit the network",
            where=where,
            got=f"samples of {size_text(identity.preprocess.shape)}",
            expected=size_text(network.input_shape),
        )
