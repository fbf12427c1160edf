"""Optimizers: ``update(optimizer, w, g, slots, lr, t)`` moves all parameters w by their gradients g, in place.

``slots`` holds the optimizer's state, which changes in place too; all are flat buffers of one layout. t counts the
steps from 1. The formulas and their sources stand in :mod:`tatami.recipe.optimizers`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.recipe import SGD, Adam, AdamW, Optimizer, RMSProp


@singledispatch
def update(optimizer: Optimizer, w: Array, g: Array, slots: Mapping[str, Array], lr: float, t: int) -> None:
    """Move ``w`` in place."""
    raise NotImplementedError(f"the cpu engine has no plain rule for the optimizer {optimizer.name}")


@update.register
def _(optimizer: SGD, w: Array, g: Array, slots: Mapping[str, Array], lr: float, t: int) -> None:
    g = _decayed(optimizer, w, g)
    if optimizer.momentum:
        v = slots["velocity"]
        v *= optimizer.momentum
        v += g
        g = g + optimizer.momentum * v if optimizer.nesterov else v
    w -= lr * g


@update.register
def _(optimizer: RMSProp, w: Array, g: Array, slots: Mapping[str, Array], lr: float, t: int) -> None:
    g, s = _decayed(optimizer, w, g), slots["mean_square"]
    s *= optimizer.alpha
    s += (1 - optimizer.alpha) * g**2
    w -= lr * g / (np.sqrt(s) + optimizer.eps)


@update.register
def _(optimizer: Adam, w: Array, g: Array, slots: Mapping[str, Array], lr: float, t: int) -> None:
    if isinstance(optimizer, AdamW):
        w *= 1 - lr * optimizer.weight_decay
    else:
        g = _decayed(optimizer, w, g)
    b1, b2 = optimizer.betas
    m, v = slots["mean"], slots["variance"]
    m *= b1
    m += (1 - b1) * g
    v *= b2
    v += (1 - b2) * g**2
    # lr * m' / (sqrt(v') + eps), with the corrections taken out of the arrays.
    w -= lr / (1 - b1**t) * m / (np.sqrt(v) / math.sqrt(1 - b2**t) + optimizer.eps)


def _decayed(optimizer: Optimizer, w: Array, g: Array) -> Array:
    """The gradient with that of the L2 penalty."""
    return g + optimizer.weight_decay * w if optimizer.weight_decay else g
