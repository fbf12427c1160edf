"""DROPOUT: values set to zero at random while training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.network.layers.arguments import RATE, Argument
from tatami.network.layers.base import Layer, layer


@layer("DROPOUT")
@dataclass(frozen=True)
class Dropout(Layer):
    """Each value is dropped with probability ``rate``, the kept ones are divided by 1 - rate; nothing at inference.

    Source: Srivastava et al. 2014, section 10 ("inverted" scaling, so that inference needs no change).
    """

    rate: float = 0.5

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("rate", RATE, positional=True),)
    in_place: ClassVar[bool] = True
