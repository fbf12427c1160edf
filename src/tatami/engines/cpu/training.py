"""A training step, ready to run: tables for the forward pass with the loss, the backward pass, and the update."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.compilation import compile_kernels
from tatami.engines.cpu.executable import make_table
from tatami.engines.cpu.gradient_norm import LINE, squares
from tatami.engines.cpu.kernels import Call
from tatami.engines.cpu.labels import give, give_samples
from tatami.engines.cpu.memory import Room, Tensors, aligned_array
from tatami.engines.cpu.optimizers import update
from tatami.engines.cpu.rules import Site, calls_of, running_statistics
from tatami.plan.ops import Forward, Op
from tatami.plan.program import Program
from tatami.recipe import Optimizer


class Training:
    """The tables of one training step in one arena.

    Attributes:
        program: what they do.
        room: where.
        site: what the calls are made for.
        forward, backward, update: the tables.
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
        self._loss = np.zeros(1)
        site = Site(self.room, weights, gradients, clock, self._loss.ctypes.data)
        self.site = site
        calls: list[tuple[Op, list[Call]]] = [(op, calls_of(op, site)) for op in program.ops]
        statistics = [call for op in program.ops for call in running_statistics(op, site)]
        sweep = update(
            optimizer,
            weights.flat.ctypes.data,
            gradients.ctypes.data,
            [slot.ctypes.data for slot in slots.values()],
            weights.trainable,
            clock.address,
        )
        self._squares = aligned_array(LINE * program.settings.threads, np.dtype(np.float64))
        lengths = squares(gradients.ctypes.data, weights.trainable, self._squares.ctypes.data)
        if optimizer.clip_norm is None:
            lengths = []
        # Compiled all at once, for several processes share the work.
        every = [*(call for _, one in calls for call in one), *statistics, *lengths, *sweep]
        compile_kernels(list(dict.fromkeys(call.kernel for call in every)), self.dtype)
        self.forward = make_table(_flat(calls, "forward", "loss"), self.dtype)
        self.backward = make_table(_flat(calls, "recompute", "backward"), self.dtype)
        self.statistics = make_table(statistics, self.dtype)
        self.update = make_table([*statistics, *sweep], self.dtype)
        self._lengths = make_table(lengths, self.dtype)
        self._by_op = [(op, one) for op, one in calls if op.phase == "forward"]

    def give(self, x: Array, y: Array) -> None:
        """Take samples, and labels or targets, into the arena."""
        give(self.room, x, y)

    def loss(self) -> float:
        """The mean loss of the forward pass that has just run."""
        return float(self._loss[0])

    def gradient_norm(self, threads: int) -> float:
        """The length of the gradient, all parameters taken as one vector; only where the optimizer clips it."""
        self._lengths.run(1, threads)
        return math.sqrt(self._squares[: LINE * threads : LINE].sum())

    def first_not_finite(self, x: Array, threads: int) -> str | None:
        """The first layer of a forward pass with NaN or infinity in its output; None where all are finite."""
        give_samples(self.room, x)
        for op, calls in self._by_op:  # copies into joined maps too: what lay there may be written over by now
            make_table(calls, self.dtype).run(len(x), threads)
            if isinstance(op, Forward) and not np.isfinite(self.room.array(op.output, len(x))).all():
                return op.node
        return None


def _flat(calls: list[tuple[Op, list[Call]]], *phases: str) -> list[Call]:
    return [call for op, one in calls if op.phase in phases for call in one]
