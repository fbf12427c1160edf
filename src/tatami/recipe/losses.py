"""Losses, as settings. Each is a mean over the batch; an engine turns it into a number and a gradient.

In the formulas: s the scores of one sample, s_j that of class j, y its true class, t_j its target for class j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.errors import OptionError
from tatami.recipe.checks import find, need_positive


@dataclass(frozen=True)
class Loss:
    """Base of the losses."""

    name: ClassVar[str]

    @property
    def takes_targets(self) -> bool:
        """Whether it compares with a row of values for each sample; of a label that row is 1 at its class, else 0."""
        return False


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-log of the softmax probability of the true class: log(sum_j exp(s_j)) - s_y.

    With ``targets`` a sample may have a row t in place of a label: -sum_j t_j log p_j, p the softmax. Its values are at
    least 0, and their sum is the sample's weight, 1 usually. Soft labels (Szegedy et al. 2015, Rethinking the Inception
    Architecture, section 7), mixtures of samples, and weights of classes or samples are all such rows. The mean is that
    over the samples: it is not divided by the sum of their weights.

    Source: CS231n, Linear classification, "Softmax classifier". The softmax is part of it: the network ends in scores.
    Where the network's last layer is a SOFTMAX, the loss is taken on the scores before it.
    """

    name: ClassVar[str] = "cross-entropy"

    targets: bool = False

    def __post_init__(self) -> None:
        if self.targets not in (True, False):
            raise OptionError("impossible targets", where=self.name, got=repr(self.targets), expected="True or False")

    @property
    def takes_targets(self) -> bool:
        return self.targets


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean of (s_j - t_j)^2 over the outputs; the targets of a class label are 1 for it and 0 for the others."""

    name: ClassVar[str] = "mse"

    @property
    def takes_targets(self) -> bool:
        return True


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
