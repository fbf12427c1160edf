"""ADD, MUL, CONCAT: where branches meet.

In the shape comments: N samples, C channels, * any spatial sizes.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import Add, Concat, Multiply


@run.register
def add(layer: Add, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """The sum of the inputs; each gets the whole gradient, which is what carries it through deep residual networks."""
    count = len(inputs)
    Y = inputs[0] + inputs[1]
    for X in inputs[2:]:
        Y += X
    return Y, lambda dY: ((dY,) * count, {})


@run.register
def multiply(layer: Multiply, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """The product of the inputs; a vector (N, C) multiplies every position of a map (N, *, C)."""
    axes = max(X.ndim for X in inputs)
    places = tuple(range(1, axes - 1))  # the spatial axes
    factors = [X if X.ndim == axes else np.expand_dims(X, places) for X in inputs]  # (N, 1, 1, C) for a vector

    def backward(dY: Array) -> Gradients:
        gradients = []
        for i, X in enumerate(inputs):
            dX = dY * _product(factors[:i] + factors[i + 1 :])  # (N, *, C)
            # A vector was used at every position: its gradient is the sum over them.
            gradients.append(dX if X.ndim == axes else dX.sum(axis=places))
        return tuple(gradients), {}

    return _product(factors), backward


def _product(factors: list[Array]) -> Array:
    return reduce(np.multiply, factors)


@run.register
def concat(layer: Concat, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """The inputs side by side along the channels; each gets its own part of the gradient."""
    ends = np.cumsum([X.shape[-1] for X in inputs])[:-1]
    return np.concatenate(inputs, axis=-1), lambda dY: (tuple(np.split(dY, ends, axis=-1)), {})
