"""The run directory: everything about one training, enough to predict, evaluate and report.

network.net        the network's text, with input shape and classes
config.toml        the settings, defaults resolved
events.jsonl       the one stream of events
metrics.csv        a row an epoch
best.safetensors   weights of the best epoch; network, classes and preprocessing in the metadata
last.safetensors   weights of the latest epoch with optimizer state
report.html        all of it to look at
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
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
from tatami.train.config import ResolvedConfig
from tatami.train.events import EpochEnded, Event, from_line, to_line

NETWORK, CONFIG, EVENTS, METRICS = "network.net", "config.toml", "events.jsonl", "metrics.csv"
BEST, LAST, REPORT = "best.safetensors", "last.safetensors", "report.html"


@dataclass(frozen=True)
class Identity:
    """What weights must carry to be of use: the network's text, the classes, what was done to the samples, the loss."""

    network: str
    classes: tuple[str, ...]
    preprocess: Preprocess
    loss: Loss

    def to_metadata(self) -> dict[str, str]:
        """As strings, for the head of a safetensors file."""
        return {
            "tatami": __version__,
            "network": self.network,
            "classes": json.dumps(self.classes),
            "preprocess": json.dumps(self.preprocess.to_dict()),
            "loss": self.loss.name,
        }

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
        except (ValueError, TypeError, RecursionError, OptionError) as error:
            raise RunError("the metadata of these weights is damaged", where=where, got=error) from error
        return cls(metadata["network"], classes, preprocess, loss)


class Run:
    """A run directory on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, network_text: str, config: ResolvedConfig) -> Run:
        """Make a new directory; one that holds something is never written over.

        Raises:
            RunError: the place is taken or cannot be written.
        """
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunError("the run's place is taken", where=str(path), hint="--run another, or remove it")
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError("the run cannot be written", where=str(path), got=error.strerror) from error
        atomic_write(path / NETWORK, network_text)
        atomic_write(path / CONFIG, config.to_toml())
        return cls(path)

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
        if not path.exists():
            raise RunError("not a run", where=str(self.path), expected=f"a directory with {EVENTS}")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RunError("the events cannot be read", where=str(path), got=error) from error
        complete = text[: text.rfind("\n") + 1]
        events = [from_line(line, f"{path}:{i}") for i, line in enumerate(complete.splitlines(), 1)]
        return [event for event in events if event is not None]

    def write_metrics(self, epochs: list[EpochEnded]) -> None:
        """Write ``metrics.csv`` anew."""
        columns = ("epoch", "step", "train_loss", "validation_loss", "validation_accuracy", "lr", "seconds")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([getattr(epoch, column) for column in columns] for epoch in epochs)
        atomic_write(self.path / METRICS, text.getvalue())

    def save(self, model: Model, identity: Identity, epoch: int, *, is_best: bool) -> None:
        """Save the model's weights as the latest, with the optimizer's state, and perhaps as the best."""
        metadata = {**identity.to_metadata(), "epoch": str(epoch)}
        weights = model.state_dict()
        save_weights(self.path / LAST, {**weights, **model.training_state()}, metadata)
        if is_best:
            save_weights(self.path / BEST, weights, metadata)

    def best_weights(self) -> dict[str, NDArray[Any]]:
        """The weights of the best epoch."""
        return load_weights(self.path / BEST)[0]


@dataclass(frozen=True)
class Trained:
    """A trained network, ready to use."""

    model: Model
    network: Network
    identity: Identity


def load_trained(path: Path, engine: str = "cpu", batch: int = 64) -> Trained:
    """Load the best weights of a run directory, or a weights file of tatami by itself.

    Raises:
        RunError: neither, or damaged.
    """
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
    model = compile(network, engine, batch=batch, loss=identity.loss)
    model.load_state_dict({name: tensors[name] for name in network.parameters()})
    return Trained(model, network, identity)


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
    if network.output_shape != (len(identity.classes),):
        raise RunError(
            "the classes do not fit the network",
            where=where,
            got=f"{len(identity.classes)} classes",
            expected=f"{size_text(network.output_shape)}",
        )
    if identity.preprocess.shape != network.input_shape:
        raise RunError(
            "the preprocessing does not fit the network",
            where=where,
            got=f"samples of {size_text(identity.preprocess.shape)}",
            expected=size_text(network.input_shape),
        )
