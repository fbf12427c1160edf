"""Samples that are equal byte for byte: duplicates within a split, leakage between splits, labels that disagree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tatami.data.dataset import Dataset
from tatami.data.health_finding import Finding, counted, finding, sample_name
from tatami.data.health_measure import Measured

Place = tuple[int, int]  # which split of Dataset.splits(), and the row in it


def copy_findings(dataset: Dataset, measured: Sequence[Measured]) -> Iterator[Finding]:
    """What is to be said about equal samples.

    Args:
        dataset: the data set.
        measured: its splits, in their order.
    """
    groups = equal_samples([split.digests for split in measured])
    yield from _leakage(dataset, groups)
    yield from _conflicts(dataset, groups)
    yield from _duplicates(dataset, groups)


def equal_samples(digests: Sequence[Sequence[bytes]]) -> list[list[Place]]:
    """The places of samples that are equal to another one: a list for each such sample, by the place of its first."""
    first: dict[bytes, Place] = {}
    groups: dict[Place, list[Place]] = {}
    for i, split in enumerate(digests):
        for row, digest in enumerate(split):
            place = first.setdefault(digest, (i, row))
            if place != (i, row):
                groups.setdefault(place, [place]).append((i, row))
    return [groups[place] for place in sorted(groups)]


def _leakage(dataset: Dataset, groups: list[list[Place]]) -> Iterator[Finding]:
    """Samples that two splits share. Of training and another one it is an error: the other tests what was learned."""
    names = [name for name, _ in dataset.splits()]
    for i, one in enumerate(names):
        for j, other in list(enumerate(names))[i + 1 :]:
            shared = [
                (next(place for place in group if place[0] == i), [place for place in group if place[0] == j])
                for group in groups
                if {i, j} <= {place[0] for place in group}
            ]
            count = sum(len(copies) for _, copies in shared)
            if count:
                yield finding(
                    "error" if one == "train" else "warning",
                    "leakage",
                    f"{counted(count, 'sample')} of {other} {'is' if count == 1 else 'are'} in {one} as well",
                    (_equal(dataset, [place, copy]) for place, copies in shared for copy in copies),
                )


def _conflicts(dataset: Dataset, groups: list[list[Place]]) -> Iterator[Finding]:
    """Equal samples with different labels. Two measurements of one thing may differ, so of a regression: a warning."""
    conflicts = [group for group in groups if len({_label(dataset, place) for place in group}) > 1]
    if conflicts:
        text = counted(len(conflicts), "sample stands", "samples stand")
        yield finding(
            "warning" if dataset.is_regression else "error",
            "label conflict",
            f"{text} in the data more than once, with different {'targets' if dataset.is_regression else 'labels'}",
            (_equal(dataset, group, labels=True) for group in conflicts),
        )


def _duplicates(dataset: Dataset, groups: list[list[Place]]) -> Iterator[Finding]:
    for i, (name, _) in enumerate(dataset.splits()):
        within = [[place for place in group if place[0] == i] for group in groups]
        within = [group for group in within if len(group) > 1]
        count = sum(len(group) - 1 for group in within)
        if count:
            text = counted(count, f"sample of {name} is a copy", f"samples of {name} are copies")
            yield finding(
                "warning", "duplicates", f"{text} of another one", (_equal(dataset, group) for group in within)
            )


_SHOWN = 4  # of a group of equal samples


def _equal(dataset: Dataset, group: list[Place], *, labels: bool = False) -> str:
    """``train row 3 = test row 7``, or with labels ``train row 3 (cat) = test row 7 (dog)``."""
    if labels:  # one of each label comes first
        seen = {_label(dataset, place): place for place in reversed(group)}
        group = sorted(group, key=lambda place: (seen[_label(dataset, place)] != place, place))
    splits = list(dataset.splits())
    shown = [
        sample_name(*splits[i], row) + (f" ({_label(dataset, (i, row))})" if labels else "")
        for i, row in group[:_SHOWN]
    ]
    more = [f"{len(group) - _SHOWN} more"] if len(group) > _SHOWN else []
    return " = ".join(shown + more)


def _label(dataset: Dataset, place: Place) -> str:
    """The label as text; of a regression, its targets."""
    _, split = list(dataset.splits())[place[0]]
    if split.y is None:
        return "no label"
    label = split.y[place[1]]
    return dataset.classes[label] if dataset.classes else ", ".join(f"{value:g}" for value in np.atleast_1d(label))
