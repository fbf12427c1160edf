"""What an evaluation found, as plain values: the one thing that table, JSON, CSV, picture and page all show.

Letters: K classes, T targets of a regression.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassFigures:
    """The figures of one class.

    Attributes:
        name: of the class.
        precision: share of the samples taken for it that are of it; 0 where none was.
        recall: share of its samples that were taken for it; 0 where it has none.
        f1: harmonic mean of the two; 0 where both are.
        support: its samples.
        predicted: samples taken for it.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclass(frozen=True)
class Bin:
    """Predictions of about one confidence: more than ``low``, at most ``high``. Means of none are 0."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """Whether confidence is what it says: ``error`` is the expected calibration error over the bins."""

    bins: tuple[Bin, ...]
    error: float


@dataclass(frozen=True)
class WorstError:
    """One sample that was badly mistaken.

    Attributes:
        name: of the sample.
        true, predicted: classes, or values of targets, as text.
        probability: that of the predicted class; None for a regression.
        picture: an image as a ``data:`` address; empty for a signal.
        curves: a signal, one curve a channel; empty for an image.
    """

    name: str
    true: str
    predicted: str
    probability: float | None = None
    picture: str = ""
    curves: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Classified:
    """Classes held against labels.

    Attributes:
        accuracy: share of samples whose highest score is that of their class.
        correct: such samples.
        classes: the figures of each of the K classes, in the order of the scores.
        confusion: (true class, predicted class, samples) for every pair that occurs, in order.
        precision, recall, f1: means over the classes that have samples, each class with the same weight.
        top5: share of samples whose class is among the five highest scores; None where there are 5 classes or fewer.
        calibration: None where no probabilities are known.
    """

    accuracy: float
    correct: int
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, int, int], ...]
    precision: float
    recall: float
    f1: float
    top5: float | None = None
    calibration: Calibration | None = None

    @property
    def names(self) -> list[str]:
        """The classes."""
        return [figures.name for figures in self.classes]

    def matrix(self) -> list[list[int]]:
        """K rows of K counts: row i, column j counts samples of class i that were taken for class j."""
        rows = [[0] * len(self.classes) for _ in self.classes]
        for true, predicted, count in self.confusion:
            rows[true][predicted] = count
        return rows


@dataclass(frozen=True)
class TargetFigures:
    """The figures of one target, in its own units.

    Attributes:
        name: of the target.
        rmse, mae: root of the mean squared error, and mean absolute error.
        r2: 1 - (squared errors) / (squared distances from the mean); of a constant target 1 without an error, else 0.
        points: (true, predicted) of some samples.
        edges: where the bins of the residuals, predicted - true, begin and end; one more than ``counts``.
        counts: residuals in each bin.
    """

    name: str
    rmse: float
    mae: float
    r2: float
    points: tuple[tuple[float, float], ...] = ()
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """Numbers held against targets; of several targets ``rmse`` and ``mae`` are over all values, ``r2`` is the mean."""

    rmse: float
    mae: float
    r2: float
    targets: tuple[TargetFigures, ...]


@dataclass(frozen=True)
class Evaluation:
    """Predictions held against the truth.

    Attributes:
        split: which samples: test, validation, train, or data for all of them.
        total: how many.
        loss: their mean loss, as the network was trained by it.
        classes: the figures of a classification, or None.
        targets: the figures of a regression, or None.
        worst: the worst errors, worst first.
        samples_per_second: of inference, preprocessing included; None where it was not measured.
    """

    split: str
    total: int
    loss: float
    classes: Classified | None = None
    targets: Fitted | None = None
    worst: tuple[WorstError, ...] = ()
    samples_per_second: float | None = None


def result_text(found: Evaluation) -> str:
    """The line that others rely on: ``test accuracy 0.9830 (983 of 1000)``, or ``test R2 0.9123, RMSE 0.123 (...)``."""
    if found.classes is not None:
        return f"{found.split} accuracy {found.classes.accuracy:.4f} ({found.classes.correct} of {found.total})"
    if found.targets is not None:
        return fitted_text(found.split, found.targets.r2, found.targets.rmse, found.total)
    return f"{found.split} loss {found.loss:.4f} ({found.total} samples)"


def fitted_text(split: str, r2: float, rmse: float, total: int) -> str:
    """``test R2 0.9123, RMSE 0.123 (1000 samples)``."""
    return f"{split} R2 {r2:.4f}, RMSE {rmse:.4g} ({total} samples)"
