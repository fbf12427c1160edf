"""Optimizers: ``update(optimizer, w, g, state, lr, t)`` moves one parameter w by its gradient g, in place.

``state`` holds the optimizer's tensors for this parameter, which change in place too; t counts the steps from 1. The
formulas and their sources stand in :mod:`tatami.recipe.optimizers`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.recipe import SGD, Adam, AdamW, Optimizer, RMSProp


@singledispatch
def update(optimizer: Optimizer, w: Array, g: Array, state: Mapping[str, Array], lr: float, t: int) -> None:
    """Move ``w`` in place."""
    raise NotImplementedError(f"the textbook engine has no rule for the optimizer {optimizer.name}")


@update.register
def sgd(optimizer: SGD, w: Array, g: Array, state: Mapping[str, Array], lr: float, t: int) -> None:
    """Against the gradient, or along a velocity that gathers gradients."""
    if optimizer.weight_decay:
        g = g + optimizer.weight_decay * w
    if optimizer.momentum:
        v = state["velocity"]
        v *= optimizer.momentum
        v += g
        g = g + optimizer.momentum * v if optimizer.nesterov else v
    w -= lr * g


@update.register
def rmsprop(optimizer: RMSProp, w: Array, g: Array, state: Mapping[str, Array], lr: float, t: int) -> None:
    """Each weight's step divided by the usual size of its gradient."""
    if optimizer.weight_decay:
        g = g + optimizer.weight_decay * w
    s = state["mean_square"]
    s *= optimizer.alpha
    s += (1 - optimizer.alpha) * g**2
    w -= lr * g / (np.sqrt(s) + optimizer.eps)


@update.register
def adam(optimizer: Adam, w: Array, g: Array, state: Mapping[str, Array], lr: float, t: int) -> None:
    """Momentum and RMSProp at once, both corrected for having begun at zero."""
    if optimizer.weight_decay:
        g = g + optimizer.weight_decay * w
    _adam_step(optimizer, w, g, state, lr, t)


@update.register
def adamw(optimizer: AdamW, w: Array, g: Array, state: Mapping[str, Array], lr: float, t: int) -> None:
    """Adam, with the decay on the weights themselves."""
    w *= 1 - lr * optimizer.weight_decay
    _adam_step(optimizer, w, g, state, lr, t)


def _adam_step(optimizer: Adam, w: Array, g: Array, state: Mapping[str, Array], lr: float, t: int) -> None:
    b1, b2 = optimizer.betas
    m, v = state["mean"], state["variance"]
    m *= b1
    m += (1 - b1) * g
    v *= b2
    v += (1 - b2) * g**2
    # lr * m' / (sqrt(v') + eps), with the corrections taken out of the arrays.
    w -= lr / (1 - b1**t) * m / (np.sqrt(v) / math.sqrt(1 - b2**t) + optimizer.eps)
