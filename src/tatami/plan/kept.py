"""What a layer's forward pass keeps for its backward pass, by engine, and how PyTorch's autograd treats its tensors.

A backward pass may need the layer's inputs, its output, or something of its own, such as the places of the maxima.
Layers that keep the same tensor share it; :mod:`tatami.plan.schedule` counts it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from tatami.errors import OptionError, nearest
from tatami.network.layers import (
    GELU,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    HardSigmoid,
    HardSwish,
    Layer,
    LayerNorm,
    LeakyReLU,
    LocalResponseNorm,
    Multiply,
    Pool,
    ReLU,
    ReLU6,
    Scale,
    Shape,
    Shuffle,
    Sigmoid,
    SiLU,
    Slice,
    Softmax,
    Tanh,
)

Types: TypeAlias = tuple[type[Layer], ...]


@dataclass(frozen=True)
class Kept:
    """What an engine's layers keep.

    Attributes:
        keeps_inputs, keeps_output: layers whose backward pass needs these.
    """

    keeps_inputs: Types
    keeps_output: Types

    def wants_inputs(self, layer: Layer) -> bool:
        """Whether the layer's inputs are kept."""
        return isinstance(layer, self.keeps_inputs)


@dataclass(frozen=True)
class Engine(Kept):
    """How PyTorch trains on a kind of device, as far as memory goes.

    Attributes:
        name: as given to ``--engine``.
        in_place: layers that write over their input where nobody else needs it.
        views: layers whose output is their input's memory, seen another way.
        is_gpu: whether the device has kernels of its own for dropout, and others that need their input dense.
        adds_in_place: whether a second gradient of a tensor is added to the first where that lies. Autograd does so
            wherever nobody else needs the first; but not under a TorchDispatchMode, such as one that measures.
    """

    name: str
    in_place: Types
    views: Types
    is_gpu: bool
    adds_in_place: bool = True

    def may_share(self, layer: Layer, shape: Shape) -> bool:
        """Whether the output may lie in the input's memory: also where it does so at inference alone.

        Args:
            layer: any.
            shape: of its (first) input.
        """
        if isinstance(layer, Shuffle):
            return layer.groups in (1, shape[-1])  # nothing is dealt out
        return isinstance(layer, (*self.views, Dropout))


_CURVED: Types = (GELU, SiLU, HardSigmoid, HardSwish)  # their slope does not follow from their output

CPU = Kept(
    keeps_inputs=(Conv, Dense, BatchNorm, LayerNorm, Scale, LocalResponseNorm, Multiply, *_CURVED),
    keeps_output=(ReLU, ReLU6, LeakyReLU, Sigmoid, Tanh, Softmax),
)
"""The CPU engine; the rest is in :mod:`tatami.plan.program`."""

# Which tensors autograd saves was read off PyTorch by torch.autograd.graph.saved_tensors_hooks; a test compares.
TORCH = Engine(
    keeps_inputs=(
        *(Conv, Dense, Pool, BatchNorm, LayerNorm, Scale, LocalResponseNorm, Multiply),
        *(ReLU6, LeakyReLU, *_CURVED),
    ),
    keeps_output=(ReLU, Sigmoid, Tanh, Softmax),
    name="torch",
    in_place=(ReLU, LeakyReLU),
    views=(Flatten, Slice),
    is_gpu=True,
)
"""PyTorch on a GPU, eager, channels last, ReLU in place, gradients set to None after each step.

RELU6 is not in place: of ``relu6(x, inplace=True)`` autograd keeps a copy of x.
"""

TORCH_CPU = replace(TORCH, name="torch-cpu", is_gpu=False)
"""The same on a CPU."""

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (TORCH, TORCH_CPU)}
NAMES = ("cpu", *ENGINES)
"""The engines whose memory is known."""


def check_engine(name: str) -> None:
    """Refuse an engine whose memory is not known.

    Raises:
        OptionError: it is not one of :data:`NAMES`.
    """
    if name not in NAMES:
        close = nearest(name, NAMES)
        hint = f"did you mean {close}?" if close else None
        raise OptionError("no memory is known for this engine", got=name, expected=", ".join(NAMES), hint=hint)
