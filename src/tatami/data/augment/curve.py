"""Smooth random curves through a few knots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tatami.data.augment.transform import Floats


def curve(knots: Floats, steps: int) -> Floats:
    """Curves through evenly spaced knots, level at each: (n, steps) from (n, K), K of at least 2.

    Between two knots the curve eases from one value to the next by 3f² - 2f³, so it never leaves their range: what
    must stay positive does.
    """
    K = knots.shape[1]
    place = np.linspace(0, K - 1, steps)
    before = np.minimum(place.astype(np.intp), K - 2)
    f = place - before
    curve: NDArray[np.float64] = knots[:, before] + (knots[:, before + 1] - knots[:, before]) * (f * f * (3 - 2 * f))
    return curve
