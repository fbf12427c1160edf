"""How far a training has come: with weights and optimizer state, all that it needs to go on as if it had never stopped.

Nothing random is kept, because every random number depends on the seed and on these counters alone: the order of an
epoch on its number, augmentation on epoch and sample, dropout on the step.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

import msgspec

from tatami.errors import RunError


@dataclass(frozen=True)
class Progress:
    """The state of the training loop between two steps.

    Attributes:
        step: steps done.
        epoch: epochs done.
        batch: steps done of the epoch in hand.
        seen, total_loss: samples of the epoch in hand, and the sum of their losses.
        recent: moving mean of the loss, not yet corrected for its start at 0.
        best, best_epoch: the lowest validation loss so far, and when.
        seconds: of training so far.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    seen: int = 0
    total_loss: float = 0.0
    recent: float = 0.0
    best: float = math.inf
    best_epoch: int = 0
    seconds: float = 0.0

    def to_json(self) -> str:
        """For the head of a weights file. Numbers come back bit for bit."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, where: str) -> Progress:
        """Read back what :meth:`to_json` gave.

        Raises:
            RunError: it is damaged.
        """
        try:
            return msgspec.convert(json.loads(text), cls)
        except (ValueError, TypeError) as error:  # msgspec's own is a ValueError
            raise RunError("the progress of this run is damaged", where=where, got=error) from error
