"""Losses: the mean loss of the scores, and its gradient for them.

In the shape comments: N samples (or positions of samples), K classes.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.labels import labels_layout
from tatami.engines.cpu.memory import Room
from tatami.plan.ops import LossStep
from tatami.recipe import CrossEntropy, Hinge, Loss, MeanSquaredError


def loss_and_gradient(room: Room, op: LossStep, n: int) -> tuple[float, Array]:
    """The mean loss of ``n`` samples, and its gradient for their scores."""
    labels = room.raw(op.labels, *labels_layout(room.program, n, room.dtype))
    return evaluate(room.program.settings.loss, room.array(op.scores, n), labels)


@singledispatch
def evaluate(loss: Loss, scores: Array, y: Array) -> tuple[float, Array]:
    """The mean ``loss`` of scores (N, K) for labels (N,) or targets (N, K), and its gradient (N, K)."""
    raise NotImplementedError(f"the cpu engine has no plain rule for the loss {loss.name}")


@evaluate.register
def _(loss: CrossEntropy, scores: Array, y: Array) -> tuple[float, Array]:
    """-sum_j t_j log p_j, p = softmax(scores); the gradient is w p - t, w the sum of t.

    Of a label, t is 1 at its class, and w is 1: -log p_y, and p - t (CS231n, Linear classification). Source of other t:
    Szegedy et al. 2015, section 7.
    """
    t = y if y.shape == scores.shape else _one_hot(y, scores)  # (N, K)
    w = np.sum(t, axis=-1, keepdims=True)  # (N, 1): a sample's weight
    shifted = scores - scores.max(axis=-1, keepdims=True)  # (N, K), largest 0: exp cannot overflow
    powers = np.exp(shifted)
    total = np.sum(powers, axis=-1, keepdims=True)  # (N, 1), so that log p = shifted - log(total)
    mean = (np.sum(w * np.log(total)) - np.sum(t * shifted, where=t > 0)) / w.size
    return float(mean), (powers * (w / total) - t) / w.size


@evaluate.register
def _(loss: MeanSquaredError, scores: Array, y: Array) -> tuple[float, Array]:
    """Mean of (score - target)^2 over samples and outputs."""
    difference = scores - y  # (N, K)
    return float(np.mean(difference**2)), 2 * difference / difference.size


@evaluate.register
def _(loss: Hinge, scores: Array, y: Array) -> tuple[float, Array]:
    """Sum over wrong classes j of max(0, s_j - s_y + margin) (CS231n, Linear classification, multiclass SVM)."""
    truth = _one_hot(y, scores)  # (N, K)
    true_score = np.take_along_axis(scores, y[..., None], -1)  # (N, 1)
    excess = np.maximum(scores - true_score + loss.margin, 0) * (1 - truth)  # (N, K)
    counts = (excess > 0).astype(scores.dtype)  # (N, K): each wrong class within the margin pulls by 1,
    pull = counts - truth * counts.sum(axis=-1, keepdims=True)  # (N, K): and the true one by their number
    return float(np.sum(excess) / y.size), pull / y.size


def _one_hot(y: Array, scores: Array) -> Array:
    """1 at each label's class, 0 elsewhere: (N,) becomes (N, K)."""
    hot = np.zeros(scores.shape, scores.dtype)
    np.put_along_axis(hot, y[..., None], 1, -1)
    return hot
