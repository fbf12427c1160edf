"""Batch norm over the samples of all ranks, on any device: PyTorch's own is for GPUs alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed, nn
from torch.distributed.nn.functional import all_reduce


def synchronised(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with all batch norms taking their statistics over all ranks."""
    if device.type == "cuda":
        return converted(module)
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            norm = SyncBatchNorm(child.num_features, child.eps, child.momentum)
            norm.weight, norm.bias = child.weight, child.bias
            norm.running_mean, norm.running_var = child.running_mean, child.running_var
            norm.num_batches_tracked = None
            module.add_module(name, norm)
        else:
            synchronised(child, device)
    return module


def converted(module: nn.Module) -> nn.Module:
    """The module with PyTorch's own synchronised batch norms, which insist on counting batches."""
    module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for child in module.modules():
        if isinstance(child, nn.SyncBatchNorm):
            child.num_batches_tracked = torch.zeros((), dtype=torch.int64, device=child.running_mean.device)
    return module


class SyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Mean and variance of the samples of all ranks (Ioffe & Szegedy 2015, algorithm 1), by two sums over them.

    The gradient goes through both sums, and so through the samples of the other ranks.
    """

    def _check_input_dim(self, input: torch.Tensor) -> None:
        pass

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, *) -> the same shape."""
        norm: Any = self
        if not self.training:
            return super().forward(x)
        wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = (1, -1, *(1,) * (x.ndim - 2))
        count = torch.tensor([float(x.numel() // x.shape[1])], device=x.device)
        distributed.all_reduce(count)
        mean = all_reduce(wide.sum(axes)) / count
        centred = wide - mean.view(shape)
        variance = all_reduce((centred * centred).sum(axes)) / count
        with torch.no_grad():
            unbiased = variance * (count / (count - 1).clamp_min(1))
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(unbiased, norm.momentum)
        scaled = centred * (norm.weight / (variance + norm.eps).sqrt()).view(shape) + norm.bias.view(shape)
        return scaled.to(x.dtype)
