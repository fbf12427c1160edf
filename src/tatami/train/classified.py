"""The figures of a classification, from labels and probabilities.

Letters: N samples, K classes, M bins.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.views.evaluation import Bin, Calibration, ClassFigures, Classified

BINS = 15
"""Of confidence, as in Guo et al. 2017, section 5."""

TOP = 5

Labels = NDArray[np.int64]
Pairs = Sequence[tuple[int, int, int]]


def classify(labels: Labels, probabilities: NDArray[np.floating], names: Sequence[str]) -> Classified:
    """All figures.

    Args:
        labels: classes, int64 (N,).
        probabilities: (N, K), each row sums to 1.
        names: of the K classes.
    """
    predicted = probabilities.argmax(axis=1)
    pairs, counts = np.unique(labels * len(names) + predicted, return_counts=True)
    confusion = [(int(p) // len(names), int(p) % len(names), int(n)) for p, n in zip(pairs, counts, strict=True)]
    return from_confusion(
        confusion,
        names,
        top5=_top(labels, probabilities) if len(names) > TOP else None,
        calibration=calibrate(probabilities.max(axis=1), predicted == labels),
    )


def from_confusion(
    confusion: Pairs, names: Sequence[str], top5: float | None = None, calibration: Calibration | None = None
) -> Classified:
    """The figures that the counts of a confusion matrix hold, from its entries (true, predicted, count)."""
    true, predicted, count = np.array(confusion, np.int64).reshape(-1, 3).T
    support = np.bincount(true, count, len(names))
    taken = np.bincount(predicted, count, len(names))
    right = np.bincount(true, count * (true == predicted), len(names))
    precision = right / np.maximum(taken, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + taken, 1)
    there = support > 0
    return Classified(
        accuracy=float(right.sum() / max(support.sum(), 1)),
        correct=int(right.sum()),
        classes=tuple(
            ClassFigures(name, float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]), int(taken[i]))
            for i, name in enumerate(names)
        ),
        confusion=tuple((int(i), int(j), int(n)) for i, j, n in confusion),
        precision=_mean(precision[there]),
        recall=_mean(recall[there]),
        f1=_mean(f1[there]),
        top5=top5,
        calibration=calibration,
    )


def calibrate(confidence: NDArray[np.floating], correct: NDArray[np.bool_], bins: int = BINS) -> Calibration:
    """The reliability diagram and the expected calibration error, sum over bins of |B| / N * |acc(B) - conf(B)|.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, equations 1 to 3.

    Args:
        confidence: the probability of the predicted class, (N,).
        correct: whether it is the sample's class, (N,).
        bins: M; the m-th holds confidences from more than (m - 1) / M to m / M.
    """
    exact = confidence.astype(np.float64)
    place = np.clip(np.ceil(exact * bins).astype(np.int64) - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    means = np.bincount(place, exact, bins) / np.maximum(counts, 1)
    accuracies = np.bincount(place, correct, bins) / np.maximum(counts, 1)
    error = float((counts * np.abs(accuracies - means)).sum() / max(len(exact), 1))
    return Calibration(
        tuple(
            Bin(m / bins, (m + 1) / bins, int(counts[m]), float(means[m]), float(accuracies[m])) for m in range(bins)
        ),
        error,
    )


def _top(labels: Labels, probabilities: NDArray[np.floating]) -> float:
    """Share of samples with fewer than :data:`TOP` classes before their own; of equals the first comes first."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)
    first = (probabilities == own) & (np.arange(probabilities.shape[1]) < labels[:, None])
    before = ((probabilities > own) | first).sum(axis=1)
    return float((before < TOP).mean())


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else 0.0
