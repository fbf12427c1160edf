"""A training step in plain NumPy; to the model it is what :class:`tatami.engines.cpu.training.Training` is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.labels import give, give_samples
from tatami.engines.cpu.memory import Room, Tensors
from tatami.engines.cpu.plain.norm import move_running_statistics
from tatami.engines.cpu.plain.ops import Ops
from tatami.engines.cpu.plain.optimizers import update
from tatami.engines.cpu.plain.rules import Desk
from tatami.plan.ops import Forward
from tatami.plan.program import Program
from tatami.recipe import Optimizer


class PlainTraining:
    """The parts of one training step in one arena.

    Attributes:
        program: what they do.
        room: where.
        forward, backward, update: the parts.
        statistics: the part of the update that moves running statistics, for parts of a step.
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
        self.backward = Ops([op for op in program.ops if op.phase in ("recompute", "backward")], self._desk)
        self.statistics = Statistics(program, self._desk)
        self.update = Update(self.statistics, self._desk, slots, optimizer)

    def give(self, x: Array, y: Array) -> None:
        """Take samples, and labels or targets, into the arena."""
        give(self.room, x, y)

    def loss(self) -> float:
        """The mean loss of the forward pass that has just run."""
        return self._desk.loss

    @np.errstate(over="ignore")
    def gradient_norm(self, threads: int) -> float:
        """The length of the gradient, all parameters taken as one vector (Pascanu et al. 2013, algorithm 1)."""
        assert self._desk.gradients is not None
        return math.sqrt(np.sum(np.square(self._desk.gradients, dtype=np.float64)))

    def first_not_finite(self, x: Array, threads: int) -> str | None:
        """The first layer of a forward pass with NaN or infinity in its output; None where all are finite."""
        give_samples(self.room, x)
        for op in self.program.ops:
            if op.phase == "forward":
                Ops([op], self._desk).run(len(x), threads)
                if isinstance(op, Forward) and not np.isfinite(self.room.array(op.output, len(x))).all():
                    return op.node
        return None


@dataclass(frozen=True)
class Statistics:
    """What batch norms have seen moves their running statistics."""

    program: Program
    desk: Desk

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def run(self, n: int, threads: int) -> None:
        """Move them, after a pass of ``n`` samples."""
        for op in self.program.ops:
            move_running_statistics(op, self.desk, n)


@dataclass(frozen=True)
class Update:
    """The end of a step: the running statistics and the parameters move."""

    statistics: Statistics
    desk: Desk
    slots: Mapping[str, Array]
    optimizer: Optimizer

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def run(self, n: int, threads: int) -> None:
        """Move all of them, after a step whose last pass had ``n`` samples."""
        self.statistics.run(n, threads)
        weights, gradients, clock = self.desk.weights, self.desk.gradients, self.desk.clock
        assert gradients is not None
        if clock.scale != 1:
            gradients = gradients * clock.scale
        trained = weights.flat[: weights.trainable]
        update(self.optimizer, trained, gradients, self.slots, clock.rate, clock.count)
