"""The health of a data set: figures and findings, before anything is trained on it.

Letters: C channels, K classes, T targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tatami.data.dataset import Dataset, Kind, Split
from tatami.data.health_content import content_findings
from tatami.data.health_copies import copy_findings
from tatami.data.health_finding import Finding, counted, finding
from tatami.data.health_labels import Target, class_counts, class_findings, imbalance, target_findings, targets_of
from tatami.data.health_measure import Measured, measure

_LEFT_OUT = "left out"
_LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class SplitHealth:
    """The figures of one split, on the scale of the raw samples.

    Attributes:
        name: train, validation or test.
        samples: how many.
        bytes: of all samples.
        counts: samples of each class, (K,); empty in a regression.
        targets: the distribution of each target, (T,); empty in a classification.
        low, high: the lowest and the highest value; None where no sample is finite.
        mean, std: of each channel, (C,); empty where no sample is finite.
    """

    name: str
    samples: int
    bytes: int
    counts: tuple[int, ...]
    targets: tuple[Target, ...]
    low: float | None
    high: float | None
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Health:
    """What the check has found.

    Attributes:
        name, source, kind, classes: those of the data set.
        targets: names of the outputs of a regression.
        shape: of one sample, (H, W, C) or (L, C).
        dtype: of the samples, uint8 or float32.
        splits: the figures of each.
        imbalance: the largest class of train over its smallest; None in a regression.
        findings: errors first, then warnings, then notes.
    """

    name: str
    source: str
    kind: Kind
    shape: tuple[int, ...]
    dtype: str
    classes: tuple[str, ...]
    targets: tuple[str, ...]
    splits: tuple[SplitHealth, ...]
    imbalance: float | None
    findings: tuple[Finding, ...]

    @property
    def samples(self) -> int:
        """Of all splits."""
        return sum(split.samples for split in self.splits)

    @property
    def errors(self) -> int:
        """How many findings say that results on these data would mislead."""
        return sum(found.level == "error" for found in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are worth a look."""
        return sum(found.level == "warning" for found in self.findings)

    @property
    def summary(self) -> str:
        """One line: ``6,000 samples, 10 classes, 0 errors, 1 warning``."""
        what = counted(len(self.targets), "target") if self.targets else counted(len(self.classes), "class", "classes")
        findings = f"{counted(self.errors, 'error')}, {counted(self.warnings, 'warning')}"
        return f"{counted(self.samples, 'sample')}, {what}, {findings}"


def check_health(dataset: Dataset) -> Health:
    """Look a data set over.

    Errors are leakage from training into another split, equal samples with different labels, a class without a
    training sample, and NaN or infinity. The samples are read once, a block at a time, so they may be a memory map.
    """
    measured = [measure(split.x) for _, split in dataset.splits()]
    findings = [
        *_problems(dataset),
        *content_findings(dataset, measured),
        *(target_findings(dataset) if dataset.is_regression else class_findings(dataset)),
        *copy_findings(dataset, measured),
    ]
    return Health(
        name=dataset.name,
        source=dataset.source,
        kind=dataset.kind,
        shape=dataset.sample_shape,
        dtype=dataset.train.x.dtype.name,
        classes=dataset.classes,
        targets=dataset.targets,
        splits=tuple(
            _split_health(dataset, name, split, found)
            for (name, split), found in zip(dataset.splits(), measured, strict=True)
        ),
        imbalance=imbalance(dataset),
        findings=tuple(sorted(findings, key=lambda found: _LEVELS.index(found.level))),
    )


def _split_health(dataset: Dataset, name: str, split: Split, found: Measured) -> SplitHealth:
    known = bool(found.finite.any())
    return SplitHealth(
        name=name,
        samples=len(split),
        bytes=int(split.x.nbytes),
        counts=() if dataset.is_regression else tuple(class_counts(dataset, split).tolist()),
        targets=targets_of(dataset, split),
        low=float(found.low.min()) if known else None,
        high=float(found.high.max()) if known else None,
        mean=_floats(found.mean) if known else (),
        std=_floats(found.std) if known else (),
    )


def _problems(dataset: Dataset) -> Iterator[Finding]:
    """What the reader met: what was left out is a warning; what was mended, and what it says besides, a note."""
    by_outcome: defaultdict[str, list[str]] = defaultdict(list)
    for problem in dataset.problems:
        by_outcome[problem.outcome].append(f"{problem.where}: {problem.problem}")
    for outcome, names in by_outcome.items():
        text = f"{counted(len(names), 'problem')} while reading: {outcome}"
        yield finding("warning" if outcome == _LEFT_OUT else "note", "reading", text, names)
    for note in dataset.notes:
        yield finding("note", "reading", note)


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
