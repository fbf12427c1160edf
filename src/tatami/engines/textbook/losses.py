"""Losses: ``loss_and_gradient(loss, scores, y)`` returns the mean loss and its gradient for the scores.

In the shape comments: N samples (or positions of samples), K classes.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.recipe import CrossEntropy, Hinge, Loss, MeanSquaredError


@singledispatch
def loss_and_gradient(loss: Loss, scores: Array, y: Array) -> tuple[float, Array]:
    """The mean ``loss`` of scores (N, K) for labels (N,), or targets (N, K), and its gradient (N, K)."""
    raise NotImplementedError(f"the textbook engine has no rule for the loss {loss.name}")


@loss_and_gradient.register
def cross_entropy(loss: CrossEntropy, scores: Array, y: Array) -> tuple[float, Array]:
    """-sum_j t_j log p_j, p = softmax(scores); the gradient is w p - t, w the sum of t.

    Of a label, t is 1 at its class, and w is 1: -log p_y, and p - t (CS231n, Linear classification). Source of other t:
    Szegedy et al. 2015, section 7.
    """
    t = _targets(y, scores)  # (N, K)
    w = np.sum(t, axis=-1, keepdims=True)  # (N, 1): a sample's weight
    shifted = scores - scores.max(axis=-1, keepdims=True)  # (N, K), largest 0: exp cannot overflow
    total = np.sum(np.exp(shifted), axis=-1, keepdims=True)  # (N, 1), so that log p = shifted - log(total)
    mean = (np.sum(w * np.log(total)) - np.sum(t * shifted, where=t > 0)) / w.size
    return float(mean), (w * np.exp(shifted) / total - t) / w.size


@loss_and_gradient.register
def mean_squared_error(loss: MeanSquaredError, scores: Array, y: Array) -> tuple[float, Array]:
    """Mean of (score - target)^2 over samples and outputs."""
    difference = scores - _targets(y, scores)  # (N, K)
    return float(np.mean(difference**2)), 2 * difference / difference.size


@loss_and_gradient.register
def hinge(loss: Hinge, scores: Array, y: Array) -> tuple[float, Array]:
    """Sum over wrong classes j of max(0, s_j - s_y + margin) (CS231n, Linear classification, multiclass SVM)."""
    truth = _one_hot(y, scores)  # (N, K)
    true_score = np.sum(scores, axis=-1, keepdims=True, where=truth.astype(bool))  # (N, 1)
    excess = np.maximum(scores - true_score + loss.margin, 0) * (1 - truth)  # (N, K)
    counts = (excess > 0).astype(scores.dtype)  # (N, K): each wrong class within the margin pulls by 1,
    pull = counts - truth * counts.sum(axis=-1, keepdims=True)  # (N, K): and the true one by their number
    return float(np.sum(excess) / y.size), pull / y.size


def _one_hot(y: Array, scores: Array) -> Array:
    """1 at each label's class, 0 elsewhere: (N,) becomes (N, K)."""
    return np.eye(scores.shape[-1], dtype=scores.dtype)[y]


def _targets(y: Array, scores: Array) -> Array:
    """Targets (N, K) as they are, labels as such rows."""
    return y.astype(scores.dtype, copy=False) if y.shape == scores.shape else _one_hot(y, scores)
