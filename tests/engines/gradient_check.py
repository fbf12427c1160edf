"""Analytic gradients against central differences.

The check knows no engine: a *pass* is a function of weights and inputs that returns the output Y and a function from dY
to the gradients for the inputs and for each weight.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

Weights: TypeAlias = dict[str, np.ndarray]
Backward: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, Weights]]
Pass: TypeAlias = Callable[[Weights, np.ndarray], tuple[np.ndarray, Backward]]

TOLERANCE = 1e-6


def tilted(x: np.ndarray) -> np.ndarray:
    """Make the first of equal whole numbers a little larger: the gradient there is what ties should give."""
    return x - 0.5 * np.arange(x.size).reshape(x.shape) / x.size


def gradient_errors(
    run: Pass,
    weights: Weights,
    x: np.ndarray,
    dY: np.ndarray,
    trainable: set[str],
    *,
    ties: bool = False,
    h: float = 1e-5,
) -> dict[str, float]:
    """For the input ``x`` and each trainable weight, the relative error of the gradient of sum(dY * Y)."""
    _, backward = run(weights, x)
    dx, gradients = backward(dY)
    assert set(gradients) == trainable
    assert all(gradients[name].shape == weights[name].shape for name in trainable)
    assert dx.shape == x.shape
    x = tilted(x) if ties else x.copy()
    weights = {name: value.copy() for name, value in weights.items()}

    def numeric(values: np.ndarray) -> np.ndarray:
        result = np.zeros_like(values)
        for i in np.ndindex(values.shape):
            kept = values[i]
            for sign in (1, -1):
                values[i] = kept + sign * h
                result[i] += sign * np.sum(dY * run(weights, x)[0]) / (2 * h)
            values[i] = kept
        return result

    floor = 1e-2 * np.linalg.norm(dY)  # a gradient may be 0, as that of a bias before BN
    errors = {}
    for name, analytic, values in [("x", dx, x), *((n, gradients[n], weights[n]) for n in sorted(trainable))]:
        expected = numeric(values)
        scale = np.linalg.norm(analytic) + np.linalg.norm(expected) + floor
        errors[name] = float(np.linalg.norm(analytic - expected) / scale)
    return errors
