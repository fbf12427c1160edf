"""The true largest batch, by trying: from the predicted one outwards, then between what fits and what does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TOLERANCE = 0.03
MOST = 2**20  # samples: no more are tried


@dataclass(frozen=True)
class Found:
    """What the tries came to.

    Attributes:
        predicted: the batch it began from.
        largest: the largest that fitted; 0 where none did.
        failed: the smallest that did not, None where all that were tried fitted.
        tries: how many there were.
    """

    predicted: int
    largest: int
    failed: int | None
    tries: int

    @property
    def never_too_large(self) -> bool:
        """Whether the predicted batch ran."""
        return self.predicted <= self.largest

    @property
    def share(self) -> float:
        """The predicted batch as a share of the largest that there may be, which is the one before the failure."""
        most = self.largest if self.failed is None else self.failed - 1
        return self.predicted / most if most else 1.0


def search(fits: Callable[[int], bool], predicted: int, tolerance: float = TOLERANCE, most: int = MOST) -> Found:
    """The largest batch up to ``tolerance``; if one fits, so must every smaller one.

    Args:
        fits: tries a batch.
        predicted: where to begin. Its neighbours come next, further and further away.
        tolerance: the search ends when ``failed - largest`` is at most 1 or this share of the largest.
        most: no larger batch is tried.
    """
    tried: dict[int, bool] = {}

    def try_it(batch: int) -> bool:
        tried[batch] = fits(batch)
        return tried[batch]

    at = min(max(predicted, 1), most)
    away = max(1, int(tolerance * at))
    low, high = 0, None
    if try_it(at):
        low = at
        while low < most and high is None:
            further = min(most, low + away)
            if try_it(further):
                low = further
            else:
                high = further
            away *= 2
    else:
        high = at
        while high > 1 and not low:
            nearer = max(1, high - away)
            if try_it(nearer):
                low = nearer
            else:
                high = nearer
            away *= 2
    while high is not None and high - low > max(1, int(tolerance * low)):
        middle = (low + high) // 2
        if try_it(middle):
            low = middle
        else:
            high = middle
    return Found(predicted, low, high, len(tried))
