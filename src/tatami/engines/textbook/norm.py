"""BN, LN, LRN: normalisations.

In the shape comments: N samples, C channels, * any spatial sizes.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Gradients, Mode, Weights, run
from tatami.network.layers import BatchNorm, LayerNorm, LocalResponseNorm


@run.register
def batch_norm(layer: BatchNorm, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Y = weight * (X - mean) / sqrt(variance + eps) + bias, for each channel (Ioffe & Szegedy 2015, algorithm 1).

    In training, mean and variance are those of the batch, over all samples and positions. At inference they are the
    running ones, which follow the batches: new = (1 - momentum) * old + momentum * batch's, with the unbiased variance.
    """
    (X,) = inputs  # (N, *, C)
    weight, bias = weights["weight"], weights["bias"]  # (C,)
    axes = tuple(range(X.ndim - 1))
    if mode.training:
        mean, variance = X.mean(axis=axes), X.var(axis=axes)  # (C,)
        count = X.size // X.shape[-1]
        unbiased = variance * (count / max(count - 1, 1))
        mode.statistics["running_mean"] = weights["running_mean"] * (1 - layer.momentum) + mean * layer.momentum
        mode.statistics["running_var"] = weights["running_var"] * (1 - layer.momentum) + unbiased * layer.momentum
    else:
        mean, variance = weights["running_mean"], weights["running_var"]
    deviation = np.sqrt(variance + layer.eps)  # (C,)
    normal = (X - mean) / deviation  # (N, *, C)
    of_the_batch = mode.training

    def backward(dY: Array) -> Gradients:
        gradients = {"weight": np.sum(dY * normal, axis=axes), "bias": np.sum(dY, axis=axes)}  # (C,)
        d = dY * weight  # (N, *, C): the gradient for normal
        if of_the_batch:
            # Mean and variance depend on X too. Section 3's chain of equations comes to: what is left of d when its
            # mean and its component along normal are taken away.
            d = d - d.mean(axis=axes) - normal * np.mean(d * normal, axis=axes)
        return (d / deviation,), gradients

    return weight * normal + bias, backward


@run.register
def layer_norm(layer: LayerNorm, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """As batch norm in training, but over the channels of each position (Ba, Kiros & Hinton 2016, equation 3)."""
    (X,) = inputs  # (N, *, C)
    weight, bias = weights["weight"], weights["bias"]  # (C,)
    deviation = np.sqrt(X.var(axis=-1, keepdims=True) + layer.eps)  # (N, *, 1)
    normal = (X - X.mean(axis=-1, keepdims=True)) / deviation  # (N, *, C)

    def backward(dY: Array) -> Gradients:
        axes = tuple(range(dY.ndim - 1))
        gradients = {"weight": np.sum(dY * normal, axis=axes), "bias": np.sum(dY, axis=axes)}  # (C,)
        d = dY * weight  # (N, *, C)
        d = d - d.mean(axis=-1, keepdims=True) - normal * np.mean(d * normal, axis=-1, keepdims=True)
        return (d / deviation,), gradients

    return weight * normal + bias, backward


@run.register
def local_response_norm(
    layer: LocalResponseNorm, weights: Weights, mode: Mode, *inputs: Array
) -> tuple[Array, Backward]:
    """Y_i = X_i / (k + alpha * sum of X_j^2 over the channels j around i)^beta.

    Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3. Of an even ``size``, the larger half lies before i.
    """
    (X,) = inputs  # (N, *, C)
    before, after = layer.size // 2, (layer.size - 1) // 2
    base = layer.k + layer.alpha * _sum_around(X**2, before, after)  # (N, *, C)
    scale = base**-layer.beta

    def backward(dY: Array) -> Gradients:
        # X_i stands in the numerator of Y_i, and in the sum of every Y_j that has i around it: there before and after
        # change sides.
        through_sums = _sum_around(dY * X * scale / base, after, before)
        return (dY * scale - 2 * layer.alpha * layer.beta * X * through_sums,), {}

    return X * scale, backward


def _sum_around(X: Array, before: int, after: int) -> Array:
    """For each channel, the sum over itself, ``before`` channels before it and ``after`` channels after it."""
    C = X.shape[-1]
    padded = np.pad(X, [(0, 0)] * (X.ndim - 1) + [(before, after)])  # (N, *, C + before + after)
    total = np.zeros_like(X)
    for start in range(before + after + 1):
        total += padded[..., start : start + C]
    return total
