"""Findings about labels: how classes are spread, and how the targets of a regression are.

Letters: N samples, K classes, T targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Dataset, Split
from tatami.data.health_finding import Finding, counted, finding, sample_name

IMBALANCE = 3.0
"""From here on the largest class is so many times the smallest one that a finding says so."""

FEW = 10
"""A class with fewer training samples than this is named."""

FAR = 6.0
"""A target further from the mean than so many standard deviations is named."""

QUANTILES = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)


@dataclass(frozen=True)
class Target:
    """How one output of a regression is distributed over a split: its values at :data:`QUANTILES`, mean and std."""

    name: str
    quantiles: tuple[float, ...]
    mean: float
    std: float


def class_counts(dataset: Dataset, split: Split) -> NDArray[np.int64]:
    """(K,): how many samples of each class there are."""
    if split.y is None:
        return np.zeros(len(dataset.classes), np.int64)
    return np.bincount(split.y, minlength=len(dataset.classes)).astype(np.int64)


def imbalance(dataset: Dataset) -> float | None:
    """The size of the largest class in training over that of the smallest that has a sample; None in a regression."""
    if dataset.is_regression:
        return None
    counts = class_counts(dataset, dataset.train)
    return float(counts.max() / counts[counts > 0].min()) if counts.any() else None


def class_findings(dataset: Dataset) -> Iterator[Finding]:
    """Classes without samples, with few, of very different sizes, and with names that differ by letter case only."""
    for name, split in dataset.splits():
        counts = class_counts(dataset, split)
        empty = np.flatnonzero(counts == 0)
        if empty.size:
            text = counted(empty.size, "class has", "classes have")
            yield finding(
                "error" if name == "train" else "warning",
                "empty class",
                f"{text} no sample in {name}",
                (dataset.classes[i] for i in empty),
            )
    counts = class_counts(dataset, dataset.train)
    few = np.flatnonzero((counts > 0) & (counts < FEW))
    if few.size:
        text = counted(few.size, "class has", "classes have")
        yield finding(
            "warning",
            "small class",
            f"{text} fewer than {FEW} samples in train",
            (f"{dataset.classes[i]}: {counts[i]}" for i in few),
        )
    ratio = imbalance(dataset)
    if ratio is not None and ratio > IMBALANCE:
        largest, smallest = int(counts.argmax()), int(np.where(counts > 0, counts, counts.max() + 1).argmin())
        yield finding(
            "warning",
            "imbalance",
            f"the largest class of train is {ratio:.1f} times the smallest",
            (f"{dataset.classes[i]}: {counts[i]:,}" for i in (largest, smallest)),
        )
    yield from _alike(dataset.classes)


def _alike(classes: tuple[str, ...]) -> Iterator[Finding]:
    folded: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        folded[" ".join(name.casefold().split())].append(name)
    alike = [names for names in folded.values() if len(names) > 1]
    if alike:
        yield finding(
            "warning",
            "classes alike",
            "classes whose names differ by letter case or spaces only: perhaps they are one",
            (" = ".join(map(repr, names)) for names in alike),
        )


def targets_of(dataset: Dataset, split: Split) -> tuple[Target, ...]:
    """The distribution of each target, NaN and infinity left out; nothing for a classification."""
    if not dataset.is_regression or split.y is None:
        return ()
    found = []
    for name, column in zip(dataset.targets, _columns(split.y), strict=True):
        values = column[np.isfinite(column)]
        if values.size:
            quantiles = tuple(float(q) for q in np.quantile(values, QUANTILES))
            found.append(Target(name, quantiles, float(values.mean()), float(values.std())))
    return tuple(found)


def target_findings(dataset: Dataset) -> Iterator[Finding]:
    """Targets that are no numbers, that lie far from all others, or that are always the same."""
    for split_name, split in dataset.splits():
        if split.y is None:
            continue
        for target, column in zip(dataset.targets, _columns(split.y), strict=True):
            missing = np.flatnonzero(~np.isfinite(column))
            if missing.size:
                text = counted(missing.size, "sample has", "samples have")
                yield finding(
                    "error",
                    "target not finite",
                    f"{text} NaN or infinity for {target} in {split_name}",
                    (sample_name(split_name, split, int(row)) for row in missing),
                )
    for target, column in zip(dataset.targets, _columns(dataset.train.y), strict=True):
        values = column[np.isfinite(column)]
        if values.size and values.min() == values.max():
            yield finding("warning", "constant target", f"{target} is {values[0]:g} throughout train")
            continue
        mean, std = (values.mean(), values.std()) if values.size else (0.0, 1.0)
        for split_name, split in dataset.splits():
            if split.y is None:
                continue
            labels = _columns(split.y)[dataset.targets.index(target)]
            with np.errstate(invalid="ignore"):
                far = np.flatnonzero(np.isfinite(labels) & (np.abs(labels - mean) > FAR * std))
            if far.size:
                text = counted(far.size, "sample has", "samples have")
                yield finding(
                    "warning",
                    "target outlier",
                    f"{text} {target} in {split_name} more than {FAR:g} standard deviations from the mean of train",
                    (f"{sample_name(split_name, split, int(row))}: {labels[row]:g}" for row in far),
                )


def _columns(y: NDArray[np.float32] | None) -> list[NDArray[np.float64]]:
    """The targets (N, T), one array each."""
    return [] if y is None else list(y.astype(np.float64).T)
