"""DROPOUT: values set to zero at random while training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tatami.engines.torch.rules import Place, channels_first, lower
from tatami.network.layers import Dropout, Shape, product

_A_BLOCK = 8  # float32 numbers from one block of Philox 4x64


@dataclass
class Draws:
    """What the random numbers of a pass depend on, beside the layer's place: set by the model before each.

    Attributes:
        seed, step: of the model, and the number of the step and its part: see :func:`tatami.engines.parts.random_step`.
        start: the first sample's place among those of all ranks.
        native: whether the device's own generator draws. It is far faster on a GPU, but draws others than the other
            engines do.
    """

    seed: int = 0
    step: int = 0
    start: int = 0
    native: bool = False


def kept(draws: Draws, node: int, shape: Shape, rate: float) -> torch.Tensor:
    """Which values stay, bool (n, *spatial, C): the same as in every other engine, whoever holds which samples.

    Args:
        draws: of the pass.
        node: the layer's place.
        shape: of the values.
        rate: probability of being dropped.
    """
    block, behind = divmod(draws.start * product(shape[1:]), _A_BLOCK)
    random = np.random.Generator(np.random.Philox(key=draws.seed, counter=[block, 0, node, draws.step]))
    numbers = random.random(behind + product(shape), np.float32)[behind:]
    return torch.from_numpy(numbers.reshape(shape) >= rate)


class CountedDropout(nn.Dropout):
    """PyTorch's dropout, or the same with numbers from a counter.

    Attributes:
        draws: shared by all layers of a network.
        node: the layer's place.
    """

    def __init__(self, rate: float, node: int) -> None:
        super().__init__(rate)
        self.node = node
        self.draws = Draws()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> the same shape."""
        if not self.training or not self.p:
            return x
        if self.draws.native:
            return functional.dropout(x, self.p)
        n, channels, *spatial = x.shape
        mask = channels_first(kept(self.draws, self.node, (n, *spatial, channels), self.p)).to(x.device)
        return x * mask / (1 - self.p)


@lower.register
def dropout(layer: Dropout, place: Place) -> nn.Module:
    """Values dropped with probability ``rate``, the others divided by 1 - rate (Srivastava et al. 2014, section 10)."""
    return CountedDropout(layer.rate, place.node)
