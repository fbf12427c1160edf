"""A training step in plain NumPy; to the model it is what :class:`tatami.engines.cpu.training.Training` is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.labels import give_labels, labels_layout
from tatami.engines.cpu.memory import Room, Tensors
from tatami.engines.cpu.plain.norm import move_running_statistics
from tatami.engines.cpu.plain.ops import Ops
from tatami.engines.cpu.plain.optimizers import update
from tatami.engines.cpu.plain.rules import Desk
from tatami.plan.ops import Forward, LossStep
from tatami.plan.program import Program
from tatami.recipe import Optimizer


class PlainTraining:
    """The parts of one training step in one arena.

    Attributes:
        program: what they do.
        room: where.
        forward, backward, update: the parts.
    """

    def __init__(
        self,
        program: Program,
        arena: Array,
        weights: Tensors,
        gradients: Array,
        slots: Mapping[str, Array],
        optimizer: Optimizer,
        clock: Clock,
    ) -> None:
        self.program = program
        self.dtype = weights.flat.dtype
        self.room = Room(program, arena[: program.arena.size], self.dtype)
        self._desk = Desk(self.room, weights, gradients, clock)
        self.forward = Ops([op for op in program.ops if op.phase in ("forward", "loss")], self._desk)
        self.backward = Ops([op for op in program.ops if op.phase == "backward"], self._desk)
        self.update = Update(program, self._desk, slots, optimizer)
        (self._scored,) = (op for op in program.ops if isinstance(op, LossStep))

    def give(self, x: Array, y: Array) -> None:
        """Take samples and labels into the arena."""
        self._give_samples(x)
        give_labels(y, self.room.raw(self._scored.labels, *labels_layout(self.program, len(x), self.dtype)))

    def _give_samples(self, x: Array) -> None:
        name = self.program.network.nodes[0].name
        self.room.array(self.program.places[name], len(x))[...] = x

    def loss(self) -> float:
        """The mean loss of the forward pass that has just run."""
        return self._desk.loss

    def first_not_finite(self, x: Array, threads: int) -> str | None:
        """The first layer of a forward pass with NaN or infinity in its output; None where all are finite."""
        self._give_samples(x)
        for op in self.program.ops:
            if op.phase == "forward":
                Ops([op], self._desk).run(len(x), threads)
                if isinstance(op, Forward) and not np.isfinite(self.room.array(op.output, len(x))).all():
                    return op.node
        return None


@dataclass(frozen=True)
class Update:
    """The end of a step: the running statistics and the parameters move."""

    program: Program
    desk: Desk
    slots: Mapping[str, Array]
    optimizer: Optimizer

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def run(self, n: int, threads: int) -> None:
        """Move all of them, after a step of ``n`` samples."""
        for op in self.program.ops:
            move_running_statistics(op, self.desk, n)
        weights, clock = self.desk.weights, self.desk.clock
        assert self.desk.gradients is not None
        trained = weights.flat[: weights.trainable]
        update(self.optimizer, trained, self.desk.gradients, self.slots, clock.rate, clock.count)
