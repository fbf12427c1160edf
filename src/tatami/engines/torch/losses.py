"""Losses: from scores (n, K, *spatial) and labels or targets to the mean loss, a tensor of no axes."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch.nn import functional

from tatami.engines.torch.rules import channels_first
from tatami.recipe import CrossEntropy, Hinge, Loss, MeanSquaredError


@singledispatch
def loss_of(loss: Loss, scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The mean loss.

    Args:
        loss: which.
        scores: (n, K, *spatial), of at least float32.
        y: labels (n, *spatial) of int64, or targets (n, *spatial, K) of the scores' dtype.
    """
    raise NotImplementedError(f"the torch engine has no rule for the loss {loss.name}")


@loss_of.register
def cross_entropy(loss: CrossEntropy, scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """-sum_j t_j log p_j, p = softmax(scores); of a label -log p_y."""
    return functional.cross_entropy(scores, y if _are_labels(y) else channels_first(y))


@loss_of.register
def mean_squared_error(loss: MeanSquaredError, scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Mean of (score - target)^2 over samples and outputs."""
    return functional.mse_loss(scores, _rows(scores, y))


@loss_of.register
def hinge(loss: Hinge, scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Sum over wrong classes j of max(0, s_j - s_y + margin)."""
    true = scores.gather(1, y.unsqueeze(1))
    return ((scores - true + loss.margin).clamp_min(0) * (1 - _rows(scores, y))).sum(1).mean()


def _are_labels(y: torch.Tensor) -> bool:
    return not y.dtype.is_floating_point


def _rows(scores: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Targets as the scores lie; a label is 1 at its class."""
    if _are_labels(y):
        y = functional.one_hot(y, scores.shape[1]).to(scores.dtype)
    return channels_first(y)
