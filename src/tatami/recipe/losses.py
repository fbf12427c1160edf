"""Losses, as settings. Each is a mean over the batch; an engine turns it into a number and a gradient.

In the formulas: s the scores of one sample, s_j that of class j, y its true class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.recipe.checks import find, need_positive


@dataclass(frozen=True)
class Loss:
    """Base of the losses."""

    name: ClassVar[str]


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-log of the softmax probability of the true class: log(sum_j exp(s_j)) - s_y.

    Source: CS231n, Linear classification, "Softmax classifier". The softmax is part of it: the network ends in scores.
    Where the network's last layer is a SOFTMAX, the loss is taken on the scores before it.
    """

    name: ClassVar[str] = "cross-entropy"


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean of (s_j - target_j)^2 over the outputs; the targets of a class label are 1 for it and 0 for the others."""

    name: ClassVar[str] = "mse"


@dataclass(frozen=True)
class Hinge(Loss):
    """Multi-class hinge: the sum over the wrong classes of max(0, s_j - s_y + margin).

    Source: CS231n, Linear classification, "Multiclass Support Vector Machine loss" (Weston & Watkins 1999).
    """

    name: ClassVar[str] = "hinge"

    margin: float = 1.0

    def __post_init__(self) -> None:
        need_positive(self.name, "margin", self.margin)


_LOSSES: dict[str, type[Loss]] = {loss.name: loss for loss in (CrossEntropy, MeanSquaredError, Hinge)}


def make_loss(name: str) -> Loss:
    """The loss called ``name``: cross-entropy, mse or hinge.

    Raises:
        OptionError: unknown name.
    """
    return find("loss", name, _LOSSES)()
