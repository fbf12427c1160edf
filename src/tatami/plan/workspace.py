"""Bytes of scratch memory that the kernels of a layer take while they run; all of it belongs to the arena.

One function for each question, by layer type; the figures stand with the families in :mod:`tatami.plan.scratch`, whose
files have the names of the engine's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial, singledispatch
from types import ModuleType
from typing import Any

from tatami.network.layers import (
    BatchNorm,
    Conv,
    Dense,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Multiply,
    Scale,
    Shape,
)
from tatami.plan.arena import aligned
from tatami.plan.ops import Pass
from tatami.plan.scratch import bias, dense, depthwise, losses, merge, norm, pointwise, scale, unfolded, winograd
from tatami.recipe import Loss

TILES = {"winograd4": 4, "winograd2": 2}
"""Winograd's methods by the outputs of a tile along an axis."""

_FAMILIES: Mapping[str, ModuleType] = {
    "winograd4": winograd,
    "winograd2": winograd,
    "pointwise": pointwise,
    "unfolded": unfolded,
    "depthwise": depthwise,
}


@dataclass(frozen=True)
class Sizes:
    """What the sizes of scratch memory depend on: samples, threads, and bytes of a value."""

    batch: int
    threads: int
    itemsize: int

    def values(self) -> tuple[int, int, int]:
        """All three."""
        return self.batch, self.threads, self.itemsize


def _figure(method: str, name: str) -> Any:
    function = getattr(_FAMILIES[method], name)
    return partial(function, tile=TILES[method]) if method in TILES else function


def packed_bytes(layer: Conv, shape: Shape, method: str, each: Pass, itemsize: int) -> int:
    """Bytes of a convolution's weights as its forward pass, or the gradient of its input, takes them."""
    name = "packed_bytes" if each == "forward" else "packed_backward_bytes"
    return aligned(int(_figure(method, name)(layer, shape, itemsize)))


@singledispatch
def forward_bytes(layer: Layer, shapes: tuple[Shape, ...], method: str, sizes: Sizes, training: bool) -> int:
    """Scratch memory of a forward pass. At inference the packed weights lie elsewhere, for they stay."""
    return 0


@forward_bytes.register
def _(layer: Conv, shapes: tuple[Shape, ...], method: str, sizes: Sizes, training: bool) -> int:
    packed = packed_bytes(layer, shapes[0], method, "forward", sizes.itemsize) if training else 0
    return packed + int(_figure(method, "forward_scratch")(layer, shapes[0], *sizes.values()))


@forward_bytes.register
def _(layer: Dense, shapes: tuple[Shape, ...], method: str, sizes: Sizes, training: bool) -> int:
    return dense.forward_scratch(layer, shapes[0], *sizes.values())


@forward_bytes.register
def _(layer: BatchNorm, shapes: tuple[Shape, ...], method: str, sizes: Sizes, training: bool) -> int:
    scratch = norm.batch_norm_scratch if training else norm.batch_norm_inference_scratch
    return scratch(shapes[0][-1], *sizes.values())


@singledispatch
def backward_bytes(layer: Layer, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    """Scratch memory of a backward pass: its kernels run one after another and share it."""
    return 0


@backward_bytes.register
def _(layer: Conv, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    shape = shapes[0]
    needs = [bias.bias_scratch(layer.filters, *sizes.values())]
    for each, method in methods.items():
        packed = packed_bytes(layer, shape, method, each, sizes.itemsize) if each == "backward_data" else 0
        needs.append(packed + int(_figure(method, f"{each}_scratch")(layer, shape, *sizes.values())))
    return max(needs)


@backward_bytes.register
def _(layer: Dense, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    return max(
        bias.bias_scratch(layer.units, *sizes.values()),
        dense.backward_weights_scratch(layer, shapes[0], *sizes.values()),
        dense.backward_data_scratch(layer, shapes[0], *sizes.values()),
    )


@backward_bytes.register
def _(layer: BatchNorm, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    return norm.batch_norm_scratch(shapes[0][-1], *sizes.values())


@backward_bytes.register
def _(layer: LayerNorm, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    return norm.layer_norm_scratch(shapes[0][-1], *sizes.values())


@backward_bytes.register
def _(layer: LocalResponseNorm, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    return norm.response_norm_scratch(layer.size, shapes[0][-1], *sizes.values())


@backward_bytes.register
def _(layer: Scale, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    return scale.scale_scratch(shapes[0][-1], *sizes.values())


@backward_bytes.register
def _(layer: Multiply, shapes: tuple[Shape, ...], methods: Mapping[Pass, str], sizes: Sizes) -> int:
    return merge.multiply_scratch(*sizes.values())


def loss_bytes(loss: Loss, shape: Shape, sizes: Sizes) -> int:
    """Scratch memory of the loss of scores of ``shape``."""
    return losses.loss_scratch(*sizes.values())
