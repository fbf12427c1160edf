"""Several processes, the ranks, that train one network together: which samples of a step are whose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """A rank's part of the samples of one step.

    Attributes:
        start: place of its first sample among those of the step.
        total: samples of the step, of all ranks together.
    """

    start: int
    total: int
