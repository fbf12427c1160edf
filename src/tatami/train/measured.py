"""The result of a regression as an event of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.train.events import Event


@dataclass(frozen=True)
class Measured(Event):
    """The result of a regression, with the best epoch's weights.

    ``loss`` is of the standardised targets; ``rmse`` and ``mae`` are in the targets' units, over all their values;
    ``r2`` is the mean over the targets.
    """

    kind: ClassVar[str] = "measured"
    split: str
    loss: float
    rmse: float
    mae: float
    r2: float
    total: int
