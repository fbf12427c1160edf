"""POOL and GAP."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tatami.engines.torch.padding import own_padding, padding_module
from tatami.engines.torch.rules import Place, lower
from tatami.network.layers import GlobalAveragePool, Pool, Shape
from tatami.plan.padding import explicit_padding


@lower.register
def pool(layer: Pool, place: Place) -> nn.Module:
    """The maximum or the mean of each window."""
    padding, rounds_up = own_padding(layer, place.shapes[0])
    sizes = (layer.kernel_size, layer.stride, padding)
    if layer.kind == "max":
        kind: Any = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[place.axes - 1]
        return kind(*sizes, ceil_mode=rounds_up)
    kind = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)[place.axes - 1]
    if explicit_padding(layer, layer.window(place.shapes[0])) is not None and not layer.count_pad:
        return MeanOfPixels(kind(layer.kernel_size, layer.stride), layer, place.shapes[0])
    return kind(*sizes, count_include_pad=layer.count_pad)


class MeanOfPixels(nn.Module):
    """The mean of the pixels of each window, its padding left out, where the padding has been laid around before."""

    share: torch.Tensor  # (1, 1, *output): what a window's mean over all its places is of that over its pixels

    def __init__(self, mean: nn.Module, layer: Pool, shape: Shape) -> None:
        super().__init__()
        self.mean = mean
        pad = padding_module(layer, shape)
        assert pad is not None
        with torch.device("cpu"):
            ones = torch.ones(1, 1, *shape[:-1])
        self.register_buffer("share", 1 / mean(pad(ones)), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *padded) -> (n, C, *output)."""
        return self.mean(x) * self.share.to(x.dtype)


class GlobalMean(nn.Module):
    """The mean of each map."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, C, *spatial) -> (n, C)."""
        return x.mean(tuple(range(2, x.ndim)))


@lower.register
def global_average_pool(layer: GlobalAveragePool, place: Place) -> nn.Module:
    """The mean of each map."""
    return GlobalMean()
