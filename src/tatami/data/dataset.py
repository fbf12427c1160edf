"""What a data set is.

Letters: N samples, H and W pixels, L time steps, C channels, T targets of a regression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from tatami.data.mapped_rows import MappedRows, is_mapped

Kind = Literal["image", "signal"]
Array = NDArray[Any]

SPLIT_NAMES = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}
"""What sources call the splits, letter case aside."""

SPLITS = ("train", "validation", "test")
"""In the order in which they are read and told."""


@dataclass(frozen=True, eq=False)
class Split:
    """Samples and their labels.

    Attributes:
        x: images (N, H, W, C), uint8 or float32, or signals (N, L, C), float32; perhaps a read-only memory map.
        y: int64 (N,), the index of each sample's class; of a regression float32 (N, T); None for unlabelled samples.
        names: what each sample is called, a file or a row; None where nobody named them: see :meth:`name_of`.
        groups: int64 (N,), which samples belong together (one person, one machine) and must not be parted by a split;
            None where each stands for itself.
    """

    x: Array
    y: Array | None
    names: Sequence[str] | None = None
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x)

    def name_of(self, row: int) -> str:
        """What a sample is called: its own name, or ``row 3``."""
        return self.names[row] if self.names is not None else f"row {row}"

    def take(self, rows: NDArray[np.int64]) -> Split:
        """The split of these rows. Those of a memory map are left where they lie."""
        return Split(
            cast(Array, MappedRows(self.x, rows)) if is_mapped(self.x) else self.x[rows],
            None if self.y is None else self.y[rows],
            None if self.names is None else [self.names[row] for row in rows],
            None if self.groups is None else self.groups[rows],
        )


@dataclass(frozen=True)
class Problem:
    """Something in the source that was not as it should be, and did not stop the reading.

    Attributes:
        where: the file, or the file and row.
        problem: what is wrong, a short clause: ``not a readable picture; got image file is truncated``.
        outcome: what became of it: ``left out``, or how it was handled, such as ``turned upright``.
    """

    where: str
    problem: str
    outcome: str = "left out"

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}: {self.outcome}"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training split, perhaps others, and the names of the classes in the order of the labels.

    Attributes:
        name: short, for the names of files.
        kind: what the samples are.
        train, validation, test: the splits that the source has; validation chooses the best epoch, test is untouched.
        classes: names in the order of the labels; empty for a regression.
        source: what the user wrote, ``sample:digits`` or a path, for errors.
        targets: names of the outputs of a regression; empty for a classification.
        problems: what was left out or mended on the way.
        notes: what else is to be said of the reading: sizes, lengths and columns that were chosen.
    """

    name: str
    kind: Kind
    train: Split
    test: Split | None
    classes: tuple[str, ...]
    source: str = "data"
    validation: Split | None = None
    targets: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_regression(self) -> bool:
        """Whether the labels are numbers to be met rather than classes."""
        return bool(self.targets)

    @property
    def outputs(self) -> int:
        """What the network ends in: scores, one a class, or one a target."""
        return len(self.targets) if self.is_regression else len(self.classes)

    def splits(self) -> Iterator[tuple[str, Split]]:
        """The splits that there are, by name: train, validation, test."""
        for name, split in (("train", self.train), ("validation", self.validation), ("test", self.test)):
            if split is not None:
                yield name, split

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample: (H, W, C) or (L, C)."""
        return tuple(int(size) for size in self.train.x.shape[1:])
