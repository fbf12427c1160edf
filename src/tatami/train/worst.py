"""The worst errors of an evaluation, with their samples to look at.

Letters: N samples, K classes, T targets, L time steps, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.data import Kind, Split
from tatami.data.health_samples import picture_address
from tatami.views.evaluation import WorstError

MANY = 24
"""The most errors that are kept."""

POINTS, CURVES = 120, 6
"""Points of a curve, and curves of a signal, at most."""

Rows = NDArray[np.int64]


def worst_classes(
    split: Split, kind: Kind, probabilities: NDArray[np.floating], names: Sequence[str]
) -> list[WorstError]:
    """Of the samples that were taken for another class, those of the highest probability.

    Args:
        split: samples and labels, int64 (N,).
        kind: what the samples are.
        probabilities: (N, K).
        names: of the classes.
    """
    assert split.y is not None
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != split.y)
    rows = wrong[np.argsort(-confidence[wrong], kind="stable")[:MANY]]
    return [
        _shown(split, kind, int(row), names[split.y[row]], names[predicted[row]], float(confidence[row]))
        for row in rows
    ]


def worst_values(
    split: Split, kind: Kind, predicted: NDArray[np.floating], names: Sequence[str], scale: Sequence[float]
) -> list[WorstError]:
    """The samples with the largest error of any target, in units of the target's ``scale``.

    Args:
        split: samples and targets (N, T).
        kind: what the samples are.
        predicted: (N, T), in the units of the targets.
        names: of the targets.
        scale: of each target, above 0.
    """
    assert split.y is not None
    errors = (np.abs(predicted.astype(np.float64) - split.y) / np.asarray(scale)).max(axis=1)
    rows = np.argsort(-errors, kind="stable")[:MANY]
    return [_shown(split, kind, int(r), _values(names, split.y[r]), _values(names, predicted[r]), None) for r in rows]


def _values(names: Sequence[str], values: NDArray[np.floating]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values, strict=True))


def _shown(split: Split, kind: Kind, row: int, true: str, predicted: str, probability: float | None) -> WorstError:
    x = np.asarray(split.x[row])
    return WorstError(
        name=split.name_of(row),
        true=true,
        predicted=predicted,
        probability=probability,
        picture=picture_address(x) if kind == "image" else "",
        curves=curves_of(x) if kind == "signal" else (),
    )


def curves_of(signal: NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    """The first channels of a signal (L, C), evenly spaced steps where it is long; values to four digits."""
    steps = np.unique(np.linspace(0, len(signal) - 1, min(POINTS, len(signal))).round().astype(np.int64))
    return tuple(
        tuple(float(f"{value:.4g}") for value in signal[steps, c]) for c in range(min(signal.shape[1], CURVES))
    )
