"""What the check of a data set has to say: findings, and how they name samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from tatami.data.dataset import Split

Level = Literal["error", "warning", "note"]
MAX_NAMES = 20
"""The most names that a finding lists."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        level: ``error``: results on these data would mislead; ``warning``: look into it; ``note``: good to know.
        kind: one word for programs, such as ``leakage``.
        text: one line.
        names: of samples, classes or channels that it is about, at most :data:`MAX_NAMES` of them.
    """

    level: Level
    kind: str
    text: str
    names: tuple[str, ...] = ()


def finding(level: Level, kind: str, text: str, names: Iterable[str] = ()) -> Finding:
    """A finding with the first of its names."""
    return Finding(level, kind, text, tuple(islice(names, MAX_NAMES)))


def sample_name(split_name: str, split: Split, row: int) -> str:
    """A sample's own name, or its split and row: ``test row 3``."""
    name = split.name_of(row)
    return name if split.names is not None else f"{split_name} {name}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """``1 sample``, ``2,000 samples``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
