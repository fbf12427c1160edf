"""The steps that the CPU engine executes: which layers, on which memory. Plain data; the engine makes kernels of each.

A :class:`Place` says where a tensor lies: in which buffer of the arena, from which channel on, and how far it is from
one position to the next. A slice of channels, and a branch that is written straight into a joined map, are places too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tatami.network.layers import Shape
from tatami.plan.groups import Group

Phase: TypeAlias = Literal["forward", "loss", "recompute", "backward", "update"]
Kind: TypeAlias = Literal["input", "activations", "gradients of activations", "scratch"]
Pass: TypeAlias = Literal["forward", "backward_data", "backward_weights"]


@dataclass
class Buffer:
    """A piece of the arena: ``bytes`` for the whole batch, alive from op ``first`` to op ``last``."""

    kind: Kind
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Place:
    """A tensor of ``shape`` a sample in ``buffer``, from channel ``offset`` on; ``stride`` values a position."""

    buffer: str
    shape: Shape
    offset: int
    stride: int

    @property
    def is_dense(self) -> bool:
        """Whether its values follow one another without a gap."""
        return self.stride == self.shape[-1]

    def channels(self, start: int, stop: int) -> Place:
        """Some of its channels."""
        return replace(self, shape=(*self.shape[:-1], stop - start), offset=self.offset + start)

    def meets(self, other: Place) -> bool:
        """Whether the two have memory in common; places in one buffer have one stride."""
        return self.buffer == other.buffer and (
            self.offset < other.offset + other.shape[-1] and other.offset < self.offset + self.shape[-1]
        )


@dataclass(frozen=True)
class Target:
    """Where a gradient goes, and whether it is added to what lies there."""

    place: Place
    add: bool


@dataclass(frozen=True)
class Op:
    """A step.

    Attributes:
        phase: of the training step.
        node: whose step it is, as shown.
    """

    phase: Phase
    node: str


@dataclass(frozen=True)
class Forward(Op):
    """Run a group forward.

    Attributes:
        inputs: of the head.
        shortcut: what a fused ADD adds.
        output: of the group.
        own: buffers that the layer keeps for its backward pass, by role.
        scratch: buffer that is free again afterwards, or None.
        method: how a convolution is computed.
    """

    group: Group
    inputs: tuple[Place, ...]
    output: Place
    shortcut: Place | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    scratch: str | None = None
    method: str = ""


@dataclass(frozen=True)
class Backward(Op):
    """Run a group backward.

    Attributes:
        inputs: of the head, as far as the arena still has them.
        output: of the group, where it is still needed.
        gradient: that of the output; it may be destroyed.
        targets: for each input, where its gradient goes; None where nobody needs it.
        shortcut: where the gradient of a fused ADD's other input goes.
        methods: how a convolution's two gradients are computed.
    """

    group: Group
    inputs: tuple[Place, ...]
    output: Place
    gradient: Place
    targets: tuple[Target | None, ...]
    shortcut: Target | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    scratch: str | None = None
    methods: Mapping[Pass, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Remake(Op):
    """Make the output of a batch norm again in the backward pass, from its input and the statistics that it kept.

    It costs a pass over a map, where keeping the output would cost the map.
    """

    group: Group
    inputs: tuple[Place, ...]
    output: Place
    own: Mapping[str, str]
    scratch: str | None


@dataclass(frozen=True)
class Copy(Op):
    """Copy ``source`` to ``target``, or add it."""

    source: Place
    target: Place
    add: bool = False


@dataclass(frozen=True)
class Zero(Op):
    """Fill with zeros."""

    target: Place


@dataclass(frozen=True)
class LossStep(Op):
    """The loss of the scores and, in training, its gradient; the labels lie in the buffer ``labels``."""

    scores: Place
    gradient: Place | None
    labels: str
    scratch: str | None
