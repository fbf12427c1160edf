"""The order of axes of a parameter here and in the other engines, whose own is channels last.

Letters: F sizes of a window, C channels of the input, G groups, K filters, D inputs and U units of FC.
"""

from __future__ import annotations

import numpy as np
import torch

from tatami.engines.base import Array
from tatami.network.layers import Conv, Dense, Layer


def order(layer: Layer, name: str, axes: int) -> tuple[int, ...]:
    """For each axis of PyTorch's tensor, its place among those of tatami's."""
    if name == "weight" and isinstance(layer, Conv):
        return (axes - 1, axes - 2, *range(axes - 2))  # (*F, C/G, K) -> (K, C/G, *F)
    if name == "weight" and isinstance(layer, Dense):
        return (1, 0)  # (D, U) -> (U, D)
    return tuple(range(axes))


def to_torch(layer: Layer, name: str, array: Array) -> torch.Tensor:
    """Tatami's array as a tensor in PyTorch's order: a view of the same memory."""
    return torch.from_numpy(np.asarray(array).transpose(order(layer, name, np.ndim(array))))


def to_tatami(layer: Layer, name: str, tensor: torch.Tensor, dtype: np.dtype) -> Array:
    """A copy of a tensor in tatami's order, in the memory of this process."""
    array = tensor.detach().to("cpu").numpy()
    return np.array(array.transpose(np.argsort(order(layer, name, array.ndim))), dtype, order="C")
