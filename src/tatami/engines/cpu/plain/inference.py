"""A forward pass in inference mode, in plain NumPy; to the model it is what the engine's ``Inference`` is."""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.labels import give_labels, give_samples, labels_layout
from tatami.engines.cpu.memory import Room, Tensors
from tatami.engines.cpu.plain.losses import evaluate
from tatami.engines.cpu.plain.ops import Ops
from tatami.engines.cpu.plain.rules import Desk
from tatami.plan.program import Program


class PlainInference:
    """A forward pass in one arena; it reads the weights as they are, so there is nothing to prepare.

    Attributes:
        program: what it does.
        is_prepared: of no consequence here.
        constant_bytes: bytes of folded and packed weights: none.
    """

    constant_bytes = 0

    def __init__(self, program: Program, arena: Array, weights: Tensors, clock: Clock) -> None:
        self.program = program
        self.dtype = weights.flat.dtype
        self.room = Room(program, arena[: program.arena.size], self.dtype)
        self.is_prepared = False
        self._ops = Ops(program.ops, Desk(self.room, weights, None, clock))
        self._scores = program.places[program.network.nodes[-1].name]

    def prepare(self, threads: int) -> None:
        """Nothing is folded or packed."""
        self.is_prepared = True

    def run(self, x: Array, threads: int) -> Array:
        """The scores of at most ``batch`` samples: a view of the arena, good until the next run."""
        give_samples(self.room, x)
        self._ops.run(len(x), threads)
        return self.room.array(self._scores, len(x))

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def loss(self, y: Array, threads: int) -> float:
        """The mean loss of the scores of the last run."""
        shape, kind = labels_layout(self.program, len(y), self.dtype)
        labels = np.empty(shape, kind)
        give_labels(y, labels)
        loss, _ = evaluate(self.program.settings.loss, self.room.array(self._scores, len(y)), labels)
        return loss
