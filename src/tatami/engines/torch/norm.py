"""BN, LN, LRN: normalisations. N samples, C channels, * any spatial sizes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tatami.engines.torch.rules import Place, channels_first, channels_last, lower
from tatami.network.layers import BatchNorm, LayerNorm, LocalResponseNorm


class _OfOneValue:
    """Mixed into PyTorch's batch norms, which refuse to train on a single value a channel: it equals its mean."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, *) -> the same shape."""
        norm: Any = self
        if not (norm.training and x.numel() == x.shape[1]):
            return super().forward(x)  # type: ignore[misc]  # that of the batch norm
        with torch.no_grad():
            norm.running_mean.lerp_(x.detach().to(norm.running_mean.dtype).flatten(), norm.momentum)
            norm.running_var.mul_(1 - norm.momentum)
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return ((x - x.detach()) * 0 * norm.weight.view(shape) + norm.bias.view(shape)).to(x.dtype)


class BatchNorm1d(_OfOneValue, nn.BatchNorm1d):
    """Of vectors and signals."""


class BatchNorm2d(_OfOneValue, nn.BatchNorm2d):
    """Of images."""


class BatchNorm3d(_OfOneValue, nn.BatchNorm3d):
    """Of volumes."""


@lower.register
def batch_norm(layer: BatchNorm, place: Place) -> nn.Module:
    """Each channel normalised over the batch and all positions (Ioffe & Szegedy 2015, algorithm 1)."""
    kind = (BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d)[place.axes]
    module: nn.Module = kind(place.shapes[0][-1], layer.eps, layer.momentum)
    module.num_batches_tracked = None  # counted for a momentum of None alone: here it would be a kernel a layer
    return module


class ChannelNorm(nn.LayerNorm):
    """Each position normalised over its channels (Ba, Kiros & Hinton 2016, equation 3)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, *) -> the same shape."""
        return channels_first(super().forward(channels_last(x)))


@lower.register
def layer_norm(layer: LayerNorm, place: Place) -> nn.Module:
    """Over the channels of each position."""
    return ChannelNorm(place.shapes[0][-1], layer.eps)


class ResponseNorm(nn.Module):
    """X_i / (k + alpha * sum of X_j^2 over the ``size`` channels j around i)^beta.

    Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3. PyTorch's own takes no plain vectors.
    """

    def __init__(self, layer: LocalResponseNorm) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, *) -> the same shape."""
        layer, rows = self.layer, channels_last(x)  # (N, *, C)
        squares = functional.pad(rows * rows, (layer.size // 2, (layer.size - 1) // 2)).flatten(0, -2)
        means = functional.avg_pool1d(squares[:, None], layer.size, 1).view(rows.shape)
        divisor = means.mul(layer.alpha * layer.size).add(layer.k).pow(layer.beta)
        return channels_first(rows / divisor)


@lower.register
def local_response_norm(layer: LocalResponseNorm, place: Place) -> nn.Module:
    """Over neighbouring channels."""
    return ResponseNorm(layer)
