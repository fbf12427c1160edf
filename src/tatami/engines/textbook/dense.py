"""FC: every output sees every input.

In the shape comments: N samples, D values a sample, K units.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import Dense


@run.register
def dense(layer: Dense, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Y = X W + b, X flattened."""
    shape = inputs[0].shape
    X = inputs[0].reshape(len(inputs[0]), -1)  # (N, D)
    W = weights["weight"]  # (D, K)
    Y = X @ W  # (N, K)
    if layer.bias:
        Y += weights["bias"]

    def backward(dY: Array) -> Gradients:
        gradients = {"weight": X.T @ dY}  # (D, N) @ (N, K) is (D, K)
        if layer.bias:
            gradients["bias"] = np.sum(dY, axis=0)  # (K,)
        return ((dY @ W.T).reshape(shape),), gradients  # (N, K) @ (K, D) is (N, D)

    return Y, backward
