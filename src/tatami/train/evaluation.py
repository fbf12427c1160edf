"""A trained network held against labelled samples, in full; and ``evaluation.json``, which keeps what was found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tatami.data import Split
from tatami.engines import Model
from tatami.errors import RunError
from tatami.formats import atomic_write
from tatami.network import Network
from tatami.network.layers import Softmax
from tatami.train.classified import classify, from_confusion
from tatami.train.events import Measured, Tested
from tatami.train.fitted import fit_figures
from tatami.train.metrics import score
from tatami.train.run import EVALUATION, Identity
from tatami.train.targets import Standard
from tatami.train.worst import worst_classes, worst_values
from tatami.views.evaluation import Evaluation

SCHEMA = "tatami.evaluation/1"


def examine(model: Model, identity: Identity, split: Split, name: str) -> Evaluation:
    """Score a split with a trained model, and find all figures.

    Args:
        model: with the weights.
        identity: what belongs to them.
        split: samples, and labels of ``identity.classes`` or targets in their own units.
        name: of the split.
    """
    standard, preprocess = identity.standard, identity.preprocess
    if standard is not None:
        return _examine_values(model, identity, standard, split, name)
    found = score(model, split, preprocess)
    assert split.y is not None
    shares = probabilities(model.network, found.scores)
    return Evaluation(
        split=name,
        total=len(split),
        loss=float(found.loss),
        classes=classify(split.y, shares, identity.classes),
        worst=tuple(worst_classes(split, preprocess.kind, shares, identity.classes)),
        samples_per_second=found.samples_per_second,
    )


def _examine_values(model: Model, identity: Identity, standard: Standard, split: Split, name: str) -> Evaluation:
    assert split.y is not None
    preprocess = identity.preprocess
    standardised = Split(split.x, standard(split.y), split.names)
    found = score(model, standardised, preprocess)
    predicted = standard.back(found.scores)
    return Evaluation(
        split=name,
        total=len(split),
        loss=float(found.loss),
        targets=fit_figures(split.y, predicted, standard.names),
        worst=tuple(worst_values(split, preprocess.kind, predicted, standard.names, standard.std)),
        samples_per_second=found.samples_per_second,
    )


def probabilities(network: Network, scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """The softmax of a network's output (N, K), taken once: of a network that ends in SOFTMAX the output itself."""
    if isinstance(network.nodes[-1].layer, Softmax):
        return scores
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.floating] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def event_of(found: Evaluation) -> Tested | Measured:
    """The event of a run that tells it: :class:`Tested` of classes, :class:`Measured` of targets."""
    if found.targets is not None:
        fitted = found.targets
        return Measured(found.split, found.loss, fitted.rmse, fitted.mae, fitted.r2, found.total)
    return tested_of(found)


def tested_of(found: Evaluation) -> Tested:
    """The evaluation of a classification as an event."""
    assert found.classes is not None
    classes = found.classes
    return Tested(found.split, found.loss, classes.accuracy, classes.correct, found.total, classes.matrix())


def from_tested(tested: Tested, classes: Sequence[str]) -> Evaluation:
    """As much of an evaluation as an event holds: no calibration, and no errors to look at."""
    pairs = [(i, j, n) for i, row in enumerate(tested.confusion) for j, n in enumerate(row) if n]
    return Evaluation(tested.split, tested.total, tested.loss, classes=from_confusion(pairs, classes))


# --- evaluation.json ---


def to_json(found: Evaluation) -> str:
    """The text of ``evaluation.json``."""
    return json.dumps({"schema": SCHEMA, **asdict(found)}, allow_nan=False) + "\n"


def from_json(text: str, where: str) -> Evaluation:
    """Read back what :func:`to_json` gave.

    Raises:
        RunError: it is damaged, or of another version.
    """
    try:
        values: dict[str, Any] = json.loads(text)
        schema = values.pop("schema")
        if schema == SCHEMA:
            return _checked(msgspec.convert(values, Evaluation))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:  # msgspec's own is a ValueError
        raise RunError("this evaluation is damaged", where=where, got=str(error)[:200]) from error
    raise RunError("an evaluation of another version", where=where, got=str(schema)[:60], expected=SCHEMA)


def _checked(found: Evaluation) -> Evaluation:
    """The evaluation, if its classes are those that its confusion speaks of."""
    if found.classes is not None:
        count = len(found.classes.classes)
        if not all(0 <= i < count and 0 <= j < count for i, j, _ in found.classes.confusion):
            raise ValueError("confusion of a class that is none")
    return found


def write_evaluation(run: Path, found: Evaluation) -> None:
    """Keep an evaluation in a run directory.

    Raises:
        RunError: it cannot be written.
    """
    atomic_write(run / EVALUATION, to_json(found))


def read_evaluation(run: Path) -> Evaluation | None:
    """The evaluation that a run directory keeps; None where there is none.

    Raises:
        RunError: it is damaged.
    """
    path = run / EVALUATION
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RunError("a file of the run cannot be read", where=str(path), got=error) from error
    return from_json(text, str(path))
