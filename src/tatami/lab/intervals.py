"""How sure a mean over seeds is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from tatami.views.experiment import Interval

CONFIDENCE = 0.95


def exact(value: float) -> Interval:
    """A value that was computed, not drawn."""
    return Interval(value, value, value, 1)


def interval(values: Sequence[float]) -> Interval:
    """The interval of the mean of independent values, by Student's t (Student 1908, The probable error of a mean).

    Raises:
        ValueError: there is none.
    """
    count = len(values)
    mean = float(np.mean(values))
    if not count:
        raise ValueError("no values")
    if count == 1:
        return Interval(mean, -math.inf, math.inf, 1)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * float(np.std(values, ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count)


def paired(first: Sequence[float], second: Sequence[float]) -> Interval:
    """The interval of the mean difference, first less second, of values that belong together: of the same seeds."""
    return interval([a - b for a, b in zip(first, second, strict=True)])
