"""Which training samples are held out for validation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tatami.data import Split, stratified_split

Rows = NDArray[np.int64]


def hold_out(split: Split, share: float, seed: int) -> tuple[Rows, Rows]:
    """Rows to train on and rows held out, ascending: of classes each by about its ``share``, of a regression at random.

    Raises:
        OptionError: a share or a seed that makes no sense.
        DataError: too few samples to hold any out.
    """
    assert split.y is not None
    if split.y.ndim == 1:
        return stratified_split(split.y, share, seed)
    order = np.random.default_rng(seed).permutation(len(split))
    count = min(math.ceil(share * len(split)), len(split) - 1)
    return np.sort(order[count:]), np.sort(order[:count])
