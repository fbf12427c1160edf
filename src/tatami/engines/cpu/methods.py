"""The methods of convolution behind one face: each packs its weights, and does the three passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from tatami.engines.cpu import depthwise, pointwise, unfolded, winograd, winograd_weights
from tatami.engines.cpu.memory import Room
from tatami.plan.workspace import TILES

_MODULES: Mapping[str, ModuleType] = {"pointwise": pointwise, "unfolded": unfolded, "depthwise": depthwise}


@dataclass(frozen=True)
class Method:
    """How a convolution is computed; all functions give calls.

    Attributes:
        pack, pack_backward: (layer, shape of x, weights, packed): weights as the forward pass, or the gradient of the
            input, takes them.
        forward: (layer, x, y, packed, bias, bend, scratch).
        backward_data: (layer, dy, dx, packed, add, scratch).
        backward_weights: (layer, x, dy, d_weight, scratch).
    """

    pack: Any
    pack_backward: Any
    forward: Any
    backward_data: Any
    backward_weights: Any


def find_method(name: str, room: Room) -> Method:
    """The method of one of the names of :data:`tatami.plan.methods.METHODS`."""
    if name not in TILES:
        module = _MODULES[name]
        names = ("pack", "pack_backward", "forward", "backward_data", "backward_weights")
        return Method(*(getattr(module, each) for each in names))
    itemsize, tile, batch = room.dtype.itemsize, TILES[name], room.program.settings.batch
    # Winograd's blocks are cut by the size of a value and by the batch.
    sized = [partial(each, itemsize=itemsize, tile=tile) for each in (winograd.pack, winograd.pack_backward)]
    passes = (winograd.forward, winograd.backward_data, winograd_weights.backward_weights)
    return Method(*sized, *(partial(each, batch=batch, itemsize=itemsize, tile=tile) for each in passes))
