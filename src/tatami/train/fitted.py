"""The figures of a regression, from targets and what was predicted for them, both in the targets' own units.

Letters: N samples, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tatami.views.evaluation import Fitted, TargetFigures

POINTS = 2000
"""The most points, predicted against true, that are kept of a target."""

BINS = 30
"""Of residuals."""

Values = NDArray[np.floating]


def fit_figures(true: Values, predicted: Values, names: Sequence[str], seed: int = 0) -> Fitted:
    """All figures.

    Args:
        true: (N, T).
        predicted: (N, T).
        names: of the T targets.
        seed: of the choice of points, where there are too many.
    """
    y, p = true.astype(np.float64), predicted.astype(np.float64)
    residuals = p - y
    chosen = np.arange(len(y))
    if len(y) > POINTS:
        chosen = np.sort(np.random.default_rng(seed).choice(len(y), POINTS, replace=False))
    targets = []
    for t, name in enumerate(names):
        counts, edges = np.histogram(residuals[:, t], bins=BINS)
        targets.append(
            TargetFigures(
                name=name,
                rmse=_rmse(residuals[:, t]),
                mae=float(np.abs(residuals[:, t]).mean()),
                r2=r_squared(y[:, t], p[:, t]),
                points=tuple((float(a), float(b)) for a, b in zip(y[chosen, t], p[chosen, t], strict=True)),
                edges=tuple(map(float, edges)),
                counts=tuple(map(int, counts)),
            )
        )
    mean = float(np.mean([target.r2 for target in targets]))
    return Fitted(_rmse(residuals), float(np.abs(residuals).mean()), mean, tuple(targets))


def r_squared(true: Values, predicted: Values) -> float:
    """1 - sum (y - p)^2 / sum (y - mean y)^2, of one target (N,); where all y are equal, 1 if all p are too, else 0.

    So does scikit-learn's ``r2_score``; a single sample counts as a constant here.
    """
    left = float(((true - predicted) ** 2).sum())
    spread = float(((true - true.mean()) ** 2).sum())
    if spread == 0:
        return 1.0 if left == 0 else 0.0
    return 1 - left / spread


def _rmse(residuals: Values) -> float:
    return float(np.sqrt((residuals**2).mean()))
