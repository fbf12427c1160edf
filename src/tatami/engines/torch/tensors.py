"""The tensors of a network's module by tatami's names, and what they hold in tatami's order of axes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from tatami.engines.base import Array
from tatami.engines.torch.layout import to_tatami, to_torch
from tatami.engines.torch.module import NetworkModule
from tatami.network import Network


class Tensors:
    """Parameters and running statistics, in the network's order.

    Args:
        network: the whole of it; its last SOFTMAX, which the module may lack, has no tensors.
        module: of it.
        dtype: of the arrays that are given out.

    Attributes:
        by_name: all of them.
        parameters: those that gradient descent changes.
        running: the others.
    """

    def __init__(self, network: Network, module: NetworkModule, dtype: np.dtype) -> None:
        self.network, self.dtype = network, dtype
        self.by_name: dict[str, torch.Tensor] = {}
        for name in network.parameters():
            node, _, parameter = name.rpartition(".")
            self.by_name[name] = getattr(module.layer(node), parameter)
        self.parameters = {name: t for name, t in self.by_name.items() if isinstance(t, nn.Parameter)}
        self.running = [t for t in self.by_name.values() if not isinstance(t, nn.Parameter)]

    def arrays(self) -> dict[str, Array]:
        """Copies of all."""
        return {name: self.array(name, tensor) for name, tensor in self.by_name.items()}

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over the values of all."""
        for name, tensor in self.by_name.items():
            self.fill(name, tensor, arrays[name])

    def array(self, name: str, tensor: torch.Tensor) -> Array:
        """A copy of a tensor that lies as the one called ``name`` does, such as its gradient."""
        node, _, parameter = name.rpartition(".")
        return to_tatami(self.network[node].layer, parameter, tensor, self.dtype)

    @torch.no_grad()
    def fill(self, name: str, tensor: torch.Tensor, array: Array) -> None:
        """Give such a tensor the values of an array."""
        node, _, parameter = name.rpartition(".")
        tensor.copy_(to_torch(self.network[node].layer, parameter, array))
