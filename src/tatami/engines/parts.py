"""A step on more samples than the batch: they go through in parts, and the weights move once, by all of them.

A part counts by its share of the samples. So, where no layer looks at the other samples of a batch (BN) or draws at
random (DROPOUT), the loss and its gradients are those of all samples at once.
"""

from __future__ import annotations

import math
from itertools import pairwise

_PART = 2**40


def parts_of(samples: int, batch: int) -> list[slice]:
    """Parts of at most ``batch`` samples, as few as can be and of nearly equal size, the larger ones first."""
    return equal_parts(samples, math.ceil(samples / batch))


def equal_parts(samples: int, count: int) -> list[slice]:
    """So many parts of nearly equal size, the larger ones first."""
    size, larger = divmod(samples, count)
    starts = [i * size + min(i, larger) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(starts)]


def parts_of_share(samples: int, total: int, ranks: int, batch: int) -> list[slice]:
    """A rank's parts of a step: as many on every rank, of at most ``batch`` samples, where each has so many samples.

    Args:
        samples: that this rank has of the step.
        total: that all have, shared out by :func:`tatami.engines.ranks.share_of`.
        ranks: that there are.
        batch: most samples in a part.
    """
    largest = math.ceil(total / ranks)
    return equal_parts(samples, min(samples, math.ceil(largest / batch)))


def random_step(step: int, part: int) -> int:
    """The number by which random numbers are drawn in a part of the step after ``step`` steps: another for each."""
    return step + part * _PART
