"""Signals looked up between their steps.

Letters: n samples, L time steps, C channels.
"""

from __future__ import annotations

import numpy as np

from tatami.data.augment.transform import Floats, as_type
from tatami.data.dataset import Array


def linear(x: Array, at: Floats) -> Array:
    """The value of each signal at given times, weighted from the two steps around each.

    Args:
        x: signals (n, L, C).
        at: in steps from the first, (n, L); what lies outside is brought to the first or the last step.

    Returns:
        (n, L, C) of the dtype of ``x``; at whole steps the values themselves, bit for bit.
    """
    L = x.shape[1]
    if L == 1:
        return x.copy()
    inside = np.clip(at, 0, L - 1)
    before = np.minimum(np.floor(inside), L - 2)
    share = (inside - before).astype(np.float32)[..., None]  # (n, L, 1)
    step = before.astype(np.intp)[..., None]
    first = np.take_along_axis(x, step, axis=1)
    second = np.take_along_axis(x, step + 1, axis=1)
    # Not first + (second - first) * share, which need not end in second where the two are far apart.
    return as_type(first * (1 - share) + second * share, x.dtype)  # (n, L, C)
