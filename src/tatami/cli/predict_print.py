"""Predictions as lines, JSON or CSV, written one by one as they are made."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tatami.train.predict import Prediction
    from tatami.train.targets import Standard


class Printer(Protocol):
    """Writes predictions in one format."""

    def begin(self) -> None:
        """What comes before the first."""

    def one(self, prediction: Prediction) -> None:
        """One prediction."""

    def end(self) -> None:
        """What comes behind the last."""


def make_printer(format: str, stream: IO[str], classes: int, top: int, standard: Standard | None) -> Printer:
    """The printer of a format: ``table``, ``json`` or ``csv``.

    Args:
        format: its name.
        stream: where to write.
        classes: that there are.
        top: how many of them are named for each sample.
        standard: of the targets of a regression, which has no classes.
    """
    if format == "json":
        return _Json(stream)
    if format == "csv":
        if standard is not None:
            return _Csv(stream, list(standard.names))
        ranks = range(1, min(top, classes) + 1)
        return _Csv(stream, [f"{what}_{rank}" for rank in ranks for what in ("class", "probability")])
    return _Lines(stream)


@dataclass
class _Lines:
    """``digit.png: 7 0.9987, 1 0.0008``."""

    stream: IO[str]

    def begin(self) -> None:
        pass

    def one(self, prediction: Prediction) -> None:
        ranked = [f"{name} {probability:.4f}" for name, probability in prediction.ranked]
        values = [f"{name} {value:.6g}" for name, value in prediction.values]
        self.stream.write(f"{prediction.sample}: {', '.join(ranked or values)}\n")

    def end(self) -> None:
        pass


@dataclass
class _Json:
    """A list of objects."""

    stream: IO[str]
    is_first: bool = True

    def begin(self) -> None:
        self.stream.write("[")

    def one(self, prediction: Prediction) -> None:
        row: dict[str, Any] = {"sample": prediction.sample}
        if prediction.values:
            row["targets"] = [{"name": name, "value": value} for name, value in prediction.values]
        else:
            row["classes"] = [{"name": name, "probability": share} for name, share in prediction.ranked]
        self.stream.write(("" if self.is_first else ", ") + json.dumps(row))
        self.is_first = False

    def end(self) -> None:
        self.stream.write("]\n")


class _Csv:
    """One line a sample below a line of headings."""

    def __init__(self, stream: IO[str], headings: list[str]) -> None:
        self.writer = csv.writer(stream, lineterminator="\n")
        self.headings = headings

    def begin(self) -> None:
        self.writer.writerow(["sample", *self.headings])

    def one(self, prediction: Prediction) -> None:
        pairs = [value for pair in prediction.ranked for value in pair]
        self.writer.writerow([prediction.sample, *(pairs or [value for _, value in prediction.values])])

    def end(self) -> None:
        pass
