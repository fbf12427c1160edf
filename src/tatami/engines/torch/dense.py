"""FC: weight (units, inputs), where the other engines have (inputs, units)."""

from __future__ import annotations

import torch
from torch import nn

from tatami.engines.torch.rules import Place, channels_last, lower
from tatami.network.layers import Dense, product


class Linear(nn.Linear):
    """PyTorch's layer on a map flattened row by row, channels last: the order in which it lies in memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) or (n, C) -> (n, units)."""
        return super().forward(channels_last(x).flatten(1))


@lower.register
def dense(layer: Dense, place: Place) -> nn.Module:
    """Every output sees every input."""
    return Linear(product(place.shapes[0]), layer.units, layer.bias)
