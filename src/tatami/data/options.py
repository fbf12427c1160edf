"""How a source is to be read, where the source alone leaves it open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = Literal["auto", "grey", "rgb"]
Task = Literal["auto", "classification", "regression"]


@dataclass(frozen=True)
class DataOptions:
    """Settings of :func:`tatami.data.load`. None, or ``auto``, stands for what the source says.

    Attributes:
        size: (height, width) to which pictures of a folder are resized, with antialiasing; by default the size that
            all have, or else the median of their sizes.
        colour: whether pictures become grey or RGB; by default grey where all are.
        length: to what series of unequal lengths are brought: ``longest`` (padded behind with zeros), ``shortest``
            (cropped at the end), or a number of steps, which does both. Unless given, unequal lengths are refused.
        task: whether labels are classes or the targets of a regression; by default numbers with a fraction are targets.
        label: of a table, the column, or for several targets the columns parted by commas, that hold the labels.
        group: of a table, the column that says which samples belong together; of files, a regular expression whose
            first group does.
        series: of a table in long form, the column that says which series a row belongs to.
        time: of a table in long form, the column by which its rows are ordered.
        strict: refuse what would otherwise be left out or mended, and said so.
    """

    size: tuple[int, int] | None = None
    colour: Colour = "auto"
    length: Literal["longest", "shortest"] | int | None = None
    task: Task = "auto"
    label: str | None = None
    group: str | None = None
    series: str | None = None
    time: str | None = None
    strict: bool = False
