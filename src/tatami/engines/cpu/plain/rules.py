"""How a layer runs: :func:`forward` and :func:`backward`, which each file of this package extends by its family.

A rule reads its tensors from the arena and returns arrays: the output, or the gradients for the inputs. It knows of no
group: where results go, whether they are added, and what is fused, is the concern of
:mod:`tatami.engines.cpu.plain.ops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.memory import Room, Tensors
from tatami.network.layers import Layer, Shape
from tatami.plan.ops import Backward, Forward, Remake

Gradients: TypeAlias = Sequence[Array | None]


@dataclass
class Desk:
    """What the rules of a program work on.

    Attributes:
        room: where the arena's tensors lie.
        weights: all parameters.
        gradients: their gradients; None at inference.
        clock: what changes from step to step.
        loss: the mean loss, once it is known.
    """

    room: Room
    weights: Tensors
    gradients: Array | None
    clock: Clock
    loss: float = 0.0

    @property
    def training(self) -> bool:
        """Whether the passes are those of training."""
        return self.gradients is not None

    def input(self, op: Forward | Backward, n: int) -> Array:
        """The input of a layer that has one, (n, *shape)."""
        return self.room.array(op.inputs[0], n)

    def parameter(self, node: str, name: str) -> Array:
        """A parameter."""
        return self.weights.view(f"{node}.{name}")

    def set_gradient(self, node: str, name: str, value: Array) -> None:
        """Leave the gradient of a parameter."""
        self.weights.view(f"{node}.{name}", self.gradients)[...] = value

    def own(self, op: Forward | Backward | Remake, role: str, shape: Shape, dtype: np.dtype) -> Array | None:
        """What the layer keeps for its backward pass, as an array; None where the plan keeps nothing."""
        return self.room.raw(op.own[role], shape, dtype) if role in op.own else None


@singledispatch
def forward(layer: Layer, op: Forward, desk: Desk, n: int) -> Array:
    """The output of the layer at the head of a group, for n samples: (n, *shape)."""
    raise NotImplementedError(f"the cpu engine has no plain rule for {layer.keyword}")


@singledispatch
def backward(layer: Layer, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    """The gradients for the layer's inputs; those of its parameters are left on the desk.

    Args:
        layer: at the head of a group.
        op: its op; where a target is None, the gradient may be None too.
        desk: what it works on.
        n: samples.
        d: the gradient for the layer's output, (n, *shape). It is not changed.
    """
    raise NotImplementedError(f"the cpu engine has no plain rule for {layer.keyword}")
