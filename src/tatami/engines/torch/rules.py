"""How a layer becomes a module of PyTorch: :func:`lower`, which each file of this package extends by its family.

A module takes and gives (n, C, *spatial), or (n, C) where there are no positions. Maps lie in memory channels last, as
everywhere in tatami; every rule keeps it so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import torch
from torch import nn

from tatami.network.layers import Layer, Shape


@dataclass(frozen=True)
class Place:
    """Where a layer stands in its network.

    Attributes:
        shapes: of its inputs, one sample each, channels last.
        output: shape of its output.
        node: its number, INPUT being 0; it fixes the random numbers of a DROPOUT.
        in_place: whether it may write over its (first) input.
    """

    shapes: tuple[Shape, ...]
    output: Shape
    node: int = 0
    in_place: bool = False

    @property
    def axes(self) -> int:
        """Spatial axes of the first input."""
        return len(self.shapes[0]) - 1


@singledispatch
def lower(layer: Layer, place: Place) -> nn.Module:
    """The module that computes ``layer``; its parameters have the layer's names."""
    raise NotImplementedError(f"the torch engine has no rule for {layer.keyword}")


def channels_last(x: torch.Tensor) -> torch.Tensor:
    """(n, C, *spatial) seen as (n, *spatial, C); a plain vector as it is."""
    return x.movedim(1, -1) if x.ndim > 2 else x


def channels_first(x: torch.Tensor) -> torch.Tensor:
    """(n, *spatial, C) seen as (n, C, *spatial); a plain vector as it is."""
    return x.movedim(-1, 1) if x.ndim > 2 else x
