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
    count = math.ceil(samples / batch)
    size, larger = divmod(samples, count)
    starts = [i * size + min(i, larger) for i in range(count + 1)]
    return [slice(start, stop) for start, stop in pairwise(starts)]


def random_step(step: int, part: int) -> int:
    """The number by which random numbers are drawn in a part of the step after ``step`` steps: another for each."""
    return step + part * _PART
