"""ADD, MUL, CONCAT: where branches meet."""

from __future__ import annotations

from functools import reduce
from operator import add, mul

import torch
from torch import nn

from tatami.engines.torch.rules import Place, lower
from tatami.network.layers import Add, Concat, Multiply


class Sum(nn.Module):
    """The sum of inputs of one shape."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """All (n, C, *spatial)."""
        return reduce(add, inputs)


class Product(nn.Module):
    """The product of maps (n, C, *spatial) and of vectors (n, C), which multiply every position."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The broadcast product."""
        axes = max(x.ndim for x in inputs)
        return reduce(mul, (x.view(*x.shape, *(1,) * (axes - x.ndim)) if x.ndim < axes else x for x in inputs))


class Joined(nn.Module):
    """Inputs joined along the channels."""

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """All of one spatial size."""
        return torch.cat(inputs, 1)


@lower.register
def summed(layer: Add, place: Place) -> nn.Module:
    """The sum."""
    return Sum()


@lower.register
def multiplied(layer: Multiply, place: Place) -> nn.Module:
    """The product."""
    return Product()


@lower.register
def joined(layer: Concat, place: Place) -> nn.Module:
    """Joined along the channels."""
    return Joined()
