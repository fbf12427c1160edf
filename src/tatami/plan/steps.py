"""The steps of a schedule, and the tensors that live in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Phase: TypeAlias = Literal["forward", "loss", "recompute", "backward", "update"]
Kind: TypeAlias = Literal[
    "input", "weights", "activations", "gradients of activations", "gradients", "temporaries", "workspace"
]


@dataclass(frozen=True)
class Step:
    """One step of the schedule: which layer does what."""

    phase: Phase
    node: str


@dataclass
class Buffer:
    """A tensor: ``bits`` a sample and ``fixed`` bytes a batch, alive from step ``first`` to step ``last``.

    Attributes:
        node: the layer that makes it.
        savers: keywords of the layers whose backward pass reads it.
    """

    kind: Kind
    bits: int
    fixed: int
    first: int
    last: int
    node: str
    savers: dict[str, None] = field(default_factory=dict)

    def size(self, batch: int) -> int:
        """Bytes for ``batch`` samples."""
        return self.fixed + (self.bits * batch + 7) // 8


@dataclass(frozen=True)
class Schedule:
    """Steps in order, and every tensor by name, in the order in which they are made."""

    steps: tuple[Step, ...]
    buffers: dict[str, Buffer]

    def alive(self, batch: int, kind: Kind | None = None) -> list[int]:
        """Bytes alive at each step, of all tensors or of one kind."""
        change = [0] * (len(self.steps) + 1)
        for buffer in self.buffers.values():
            if kind is None or buffer.kind == kind:
                size = buffer.size(batch)
                change[buffer.first] += size
                change[buffer.last + 1] -= size
        alive, total = [], 0
        for difference in change[:-1]:
            total += difference
            alive.append(total)
        return alive

    def kept(self) -> list[Buffer]:
        """The activations that are kept from the forward pass for the backward pass."""
        end = next(i for i, step in enumerate(self.steps) if step.phase == "loss")
        return [b for b in self.buffers.values() if b.kind == "activations" and b.savers and b.first < end < b.last]
