"""SCALE: a learned factor for each channel."""

from __future__ import annotations

import torch
from torch import nn

from tatami.engines.torch.rules import Place, lower
from tatami.network.layers import Scale


class ChannelScale(nn.Module):
    """Each channel times a weight of its own."""

    def __init__(self, channels: int, axes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self._broad = (channels, *(1,) * axes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> the same shape."""
        return x * self.weight.view(self._broad)


@lower.register
def scale(layer: Scale, place: Place) -> nn.Module:
    """Each channel times a weight of its own."""
    return ChannelScale(place.shapes[0][-1], place.axes)
