"""What a GPU holds besides PyTorch's tensors: the context, the workspaces of cuBLAS and cuDNN. All that is assumed.

The size of cuBLAS's workspace is read off PyTorch's source; the others are assumptions that no card has confirmed yet.
``benchmarks/gpu_memory.py`` measures them.
"""

from __future__ import annotations

import re

from tatami.network.layers import Conv, Layer, Shape
from tatami.plan.devices import Device

MiB = 2**20

GPU_CONTEXT = 600 * MiB
"""The CUDA context with the kernels of PyTorch, cuDNN and cuBLAS. Assumed: drivers and cards differ by 200 MiB."""

MARGIN = 0.03
"""Share of a card's memory that a batch leaves free. What could not be measured must find place in it: a context larger
than assumed, a convolution's workspace larger than assumed, and what others hold on the card."""

CUBLAS_WORKSPACE = 2 * 4096 * 1024 + 8 * 16 * 1024
CUBLAS_WORKSPACE_HOPPER = 32 * MiB
"""One for each handle and stream, kept: the thread that goes forward has one, autograd's another. Source: PyTorch 2.13,
aten/src/ATen/cuda/CublasHandlePool.cpp."""

_ADA = re.compile(r"\b(RTX 40\d\d|L40?S?|L4|Ada)\b")  # of 2022 and later, but before Hopper in what it can do


def cublas_workspace(device: Device | None) -> int:
    """Bytes of one workspace of cuBLAS; the larger of the two where it is not known that the card is an older one."""
    if device is None or device.year is None:
        return CUBLAS_WORKSPACE_HOPPER
    is_ada = any(_ADA.search(name) for name in (device.name, *device.aliases))
    return CUBLAS_WORKSPACE if device.year < 2022 or is_ada else CUBLAS_WORKSPACE_HOPPER


def convolution_workspace(layer: Layer, shape: Shape) -> int:
    """Bytes that one pass of a convolution takes within itself, 0 for other layers. An assumption.

    cuDNN chooses among its kernels by the card. Those for maps that lie channels last read them where they are; what
    they add is the weights in another order, or the partial sums of their gradient: taken as once the weights in
    float32. Where that much is not to be had, PyTorch tries the next kernel.

    Args:
        layer: any.
        shape: of its first input.
    """
    if not isinstance(layer, Conv):
        return 0
    return 4 * layer.parameters(shape)["weight"].size
