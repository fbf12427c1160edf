"""How many kernels PyTorch starts for a layer, one operator after the other (eager), forward and then backward.

Counted from the operators that :mod:`tatami.engines.torch` calls. Layers with products are in :mod:`tatami.plan.work`,
which knows whether they need both gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from tatami.network.layers import (
    Add,
    BatchNorm,
    Concat,
    Flatten,
    Input,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Multiply,
    Scale,
    Shape,
    Slice,
    product,
)

# A fused optimizer is one kernel over many tensors. Its arguments fit in 4 KB, which limits tensors (by how many lists
# of them it takes: weights, gradients, and each slot of state) and chunks of values. Source: PyTorch,
# ATen/native/cuda/MultiTensorApply.cuh; with CUDA 13 the limits are seven times as large, a few launches less.
TENSORS_A_LAUNCH = {2: 64, 3: 48, 4: 36, 5: 30}
CHUNKS_A_LAUNCH = 320
CHUNK = 65536


@singledispatch
def launches(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Element-wise layers and pooling: one kernel each way."""
    return 1, 1


@launches.register(Input)
@launches.register(Flatten)
def _nothing(layer: Layer, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """There already, or another view."""
    return 0, 0


@launches.register
def _batch_norm(layer: BatchNorm, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Sums, running statistics, the map; back, sums and the map."""
    return 3, 2


@launches.register
def _layer_norm(layer: LayerNorm, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Back, one for dX and one for scale and shift."""
    return 1, 2


@launches.register
def _response_norm(layer: LocalResponseNorm, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Composed: square, pad, mean, scale, add k, power, divide; back, products of these, and sums of what they give."""
    return 7, 15


@launches.register
def _scale(layer: Scale, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Back, one for dX, a product and its sum for the scale."""
    return 1, 3


@launches.register
def _slice(layer: Slice, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """A view; back, zeros and a copy into them."""
    return 0, 2


@launches.register
def _concat(layer: Concat, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Back, a part is a view, which the next kernel has copied."""
    return 1, len(inputs)


@launches.register
def _add(layer: Add, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Two at a time; back, dY itself is every dX."""
    return len(inputs) - 1, 0


@launches.register
def _multiply(layer: Multiply, inputs: tuple[Shape, ...], output: Shape) -> tuple[int, int]:
    """Two at a time; back, two products for each of these, and a sum for an input that was spread over positions."""
    spread = sum(product(shape) < product(output) for shape in inputs)
    return len(inputs) - 1, 2 * (len(inputs) - 1) + spread


def update_launches(sizes: Sequence[int], slots: int) -> int:
    """Kernels of a fused optimizer on parameters of ``sizes`` values with ``slots`` tensors of state each."""
    chunks = sum(-(-size // CHUNK) for size in sizes)
    tensors = TENSORS_A_LAUNCH.get(2 + slots, min(TENSORS_A_LAUNCH.values()))
    return max(-(-chunks // CHUNKS_A_LAUNCH), -(-len(sizes) // tensors))
