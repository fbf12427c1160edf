"""The learning-rate range test: the rate grows from step to step until the loss explodes.

Source: Smith 2017, Cyclical Learning Rates for Training Neural Networks, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from tatami.data.loader import Batch
from tatami.errors import NumericError
from tatami.train.loop import Trainer, shuffled_batches

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 100
SMOOTHING = 0.9
EXPLODED = 4.0  # times the smallest loss so far
SAFETY = 10.0
"""The suggested rate is this many times smaller than that of the smallest loss, as there the loss is about to grow."""

MOST = 10.0
"""times the trainer's own rate is the greatest that is suggested."""


@dataclass(frozen=True)
class RangeTest:
    """What the test found.

    Attributes:
        rates: learning rates, from step to step.
        losses: the smoothed loss at each.
        suggestion: a highest learning rate to train with.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float


def find_lr(trainer: Trainer, steps: int = STEPS) -> RangeTest:
    """Run the test; the trainer's model is spent afterwards.

    Args:
        trainer: that has not begun.
        steps: how many rates between :data:`LOWEST` and :data:`HIGHEST`, evenly on a logarithmic scale.

    Raises:
        NumericError: the loss is no number from the first step on.
    """
    factor = (HIGHEST / LOWEST) ** (1 / max(steps - 1, 1))
    rates: list[float] = []
    losses: list[float] = []
    running = 0.0
    for number, batch in zip(range(steps), _batches(trainer), strict=False):
        rate = LOWEST * factor**number
        try:
            loss = trainer.step(batch, rate)
        except NumericError:
            if not losses:
                raise
            break
        running += (1 - SMOOTHING) * (loss - running)
        smooth = running / (1 - SMOOTHING ** (number + 1))
        if losses and smooth > EXPLODED * min(losses):
            break
        rates.append(rate)
        losses.append(smooth)
    lowest = min(range(len(losses)), key=losses.__getitem__)
    # Where the loss never grew, as with Adam and batch normalisation, the smallest is merely the last.
    suggestion = min(rates[lowest] / SAFETY, MOST * trainer.lr)
    return RangeTest(tuple(rates), tuple(losses), _two_digits(suggestion))


def _batches(trainer: Trainer) -> Iterator[Batch]:
    """Batches of one epoch after another, without end."""
    loader = trainer.loader(ahead=0)
    samples = len(trainer.training)

    def epochs() -> Iterator[Iterator[Batch]]:
        number = 1
        while True:
            yield loader.batches(shuffled_batches(samples, trainer.batch, trainer.seed, number), number)
            number += 1

    return chain.from_iterable(epochs())


def _two_digits(value: float) -> float:
    return round(value, 1 - math.floor(math.log10(value)))
