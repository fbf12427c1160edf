"""What a layer's forward pass keeps for its backward pass, by engine.

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
    Sigmoid,
    SiLU,
    Slice,
    Softmax,
    Tanh,
    product,
)

Types: TypeAlias = tuple[type[Layer], ...]


@dataclass(frozen=True)
class Own:
    """A tensor of the layer's own: ``values`` of ``bits`` (None: as wide as an activation), a sample or a batch."""

    name: str
    values: int
    bits: int | None
    per_batch: bool = False


@dataclass(frozen=True)
class Engine:
    """How an engine trains, as far as memory goes.

    Attributes:
        name: as given to ``--engine``.
        keeps_inputs, keeps_output: layers whose backward pass needs these.
        in_place: layers that write over their input where nobody else needs it.
        views: layers whose output is their input's memory, seen another way.
        mask_bits: width of a value of dropout's mask; None: that of an activation.
        index_bits: width of the place of a maximum.
        keeps_pool_input: whether pooling keeps its input.
        composes_lrn: whether LRN is composed of simpler operators, each with tensors of its own.
        gradients_persist: whether weight gradients keep their memory from step to step.
        gradients_in_place: whether an element-wise layer's gradient is written over the one that came back.
    """

    name: str
    keeps_inputs: Types
    keeps_output: Types
    in_place: Types
    views: Types
    mask_bits: int | None
    index_bits: int
    keeps_pool_input: bool
    composes_lrn: bool
    gradients_persist: bool
    gradients_in_place: bool

    def own(self, layer: Layer, shape: Shape, output: Shape) -> tuple[Own, ...]:
        """The tensors that the layer keeps besides inputs and output, for one input ``shape``."""
        match layer:
            case Pool() if layer.kind == "max":
                return (Own("indices", product(output), self.index_bits),)
            case BatchNorm():
                return (Own("statistics", 2 * shape[-1], 32, per_batch=True),)
            case LayerNorm():
                return (Own("statistics", 2 * product(shape[:-1]), 32),)
            case Dropout():
                return (Own("mask", product(output), self.mask_bits),)
            case LocalResponseNorm() if self.composes_lrn:
                # Padded squares, the divisor, and its power.
                padded = product(shape[:-1]) * (shape[-1] + layer.size - 1)
                return (Own("squares", padded, None), Own("divisor", 2 * product(output), None))
            case _:
                return ()

    def wants_inputs(self, layer: Layer) -> bool:
        """Whether the layer's inputs are kept."""
        if isinstance(layer, Pool):
            return self.keeps_pool_input
        return isinstance(layer, self.keeps_inputs)


_CURVED: Types = (GELU, SiLU, HardSigmoid, HardSwish)  # their slope does not follow from their output

CPU = Engine(
    name="cpu",
    keeps_inputs=(Conv, Dense, BatchNorm, LayerNorm, Scale, LocalResponseNorm, Multiply, *_CURVED),
    keeps_output=(ReLU, ReLU6, LeakyReLU, Sigmoid, Tanh, Softmax),
    in_place=(ReLU, ReLU6, LeakyReLU, Sigmoid, Tanh, Dropout),
    views=(Flatten,),
    mask_bits=1,
    index_bits=8,
    keeps_pool_input=False,
    composes_lrn=False,
    gradients_persist=True,
    gradients_in_place=True,
)
"""The CPU engine: one flat buffer of gradients, masks as bits, a maximum's place as one byte."""

# Which tensors autograd saves was read off PyTorch by torch.autograd.graph.saved_tensors_hooks; a test compares.
TORCH = Engine(
    name="torch",
    keeps_inputs=(Conv, Dense, BatchNorm, LayerNorm, Scale, LocalResponseNorm, Multiply, ReLU6, LeakyReLU, *_CURVED),
    keeps_output=(ReLU, Sigmoid, Tanh, Softmax),
    in_place=(ReLU, LeakyReLU),
    views=(Flatten, Slice),
    mask_bits=8,
    index_bits=64,
    keeps_pool_input=True,
    composes_lrn=True,
    gradients_persist=False,
    gradients_in_place=False,
)
"""PyTorch on a GPU, eager, channels first, ReLU in place, gradients set to None after each step.

RELU6 is not in place: of ``relu6(x, inplace=True)`` autograd keeps a copy of x.
"""

TORCH_CPU = replace(TORCH, name="torch-cpu", mask_bits=None)
"""The same on a CPU, where dropout's mask is as wide as an activation."""

ENGINES: Mapping[str, Engine] = {engine.name: engine for engine in (CPU, TORCH, TORCH_CPU)}


def find_engine(name: str) -> Engine:
    """The engine called ``name``.

    Raises:
        OptionError: there is none.
    """
    if name not in ENGINES:
        close = nearest(name, ENGINES)
        hint = f"did you mean {close}?" if close else None
        raise OptionError("no memory is known for this engine", got=name, expected=", ".join(ENGINES), hint=hint)
    return ENGINES[name]
