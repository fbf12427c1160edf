"""FLATTEN, SLICE, SHUFFLE: values moved, none changed."""

from __future__ import annotations

import torch
from torch import nn

from tatami.engines.torch.rules import Place, channels_first, channels_last, lower
from tatami.network.layers import Flatten, Shuffle, Slice


class Rows(nn.Module):
    """A map as one vector, row by row, channels last: the order in which it lies in memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> (n, values)."""
        return channels_last(x).flatten(1)


class Channels(nn.Module):
    """Channels ``start`` to ``stop`` - 1, as a view."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> (n, stop - start, *spatial)."""
        return x[:, self.start : self.stop]


class ChannelShuffle(nn.Module):
    """Channels dealt out anew; nn.ChannelShuffle would not keep them last in memory."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> the same shape."""
        dealt = channels_last(x).unflatten(-1, (self.groups, -1)).transpose(-1, -2).flatten(-2)
        return channels_first(dealt)


@lower.register
def flatten(layer: Flatten, place: Place) -> nn.Module:
    """One vector."""
    return Rows()


@lower.register
def channels(layer: Slice, place: Place) -> nn.Module:
    """Some channels."""
    return Channels(layer.start, layer.stop)


@lower.register
def shuffle(layer: Shuffle, place: Place) -> nn.Module:
    """Channels dealt out anew."""
    return ChannelShuffle(layer.groups)
