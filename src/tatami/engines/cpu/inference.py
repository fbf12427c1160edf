"""A forward pass in inference mode, ready to run: batch norm folded into convolutions, filters packed once."""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.executable import Table, make_table
from tatami.engines.cpu.labels import give_labels, give_samples, labels_layout
from tatami.engines.cpu.losses import loss_and_gradient
from tatami.engines.cpu.memory import Room, Tensors, aligned_array
from tatami.engines.cpu.rules import Site, calls_of
from tatami.plan.program import Program
from tatami.plan.workspace import loss_bytes


class Inference:
    """The tables of a forward pass in one arena.

    Attributes:
        program: what they do.
        is_prepared: whether folded and packed weights are those of now.
    """

    def __init__(self, program: Program, arena: Array, weights: Tensors, clock: Clock) -> None:
        self.program = program
        self.dtype = weights.flat.dtype
        self.room = Room(program, arena[: program.arena.size], self.dtype)
        self.is_prepared = False
        site = Site(self.room, weights, None, clock, 0)
        self._table = make_table([call for op in program.ops for call in calls_of(op, site)], self.dtype)
        self._prepare = make_table(site.preparation, self.dtype)
        self._constants = site.constants  # the tables point into them
        self._scores = program.places[program.network.nodes[-1].name]
        self._scoring: Table | None = None

    @property
    def constant_bytes(self) -> int:
        """Bytes of folded and packed weights."""
        return sum(array.nbytes for array in self._constants)

    def prepare(self, threads: int) -> None:
        """Fold and pack the weights, if they have changed."""
        if not self.is_prepared:
            self._prepare.run(1, threads)
            self.is_prepared = True

    def run(self, x: Array, threads: int) -> Array:
        """The scores of at most ``batch`` samples: a view of the arena, good until the next run."""
        give_samples(self.room, x)
        self._table.run(len(x), threads)
        return self.room.array(self._scores, len(x))

    def loss(self, y: Array, threads: int) -> float:
        """The mean loss of the scores of the last run."""
        settings = self.program.settings
        if self._scoring is None:
            shape, kind = labels_layout(self.program, settings.batch, self.dtype)
            self._labels = aligned_array(int(np.prod(shape, dtype=np.int64)), kind).reshape(shape)
            size = loss_bytes(settings.loss, self.program.network.output_shape, settings.sizes)
            self._scratch, self._loss = aligned_array(size, np.dtype(np.uint8)), np.zeros(1)
            targets = settings.loss.takes_targets
            labels = self._labels.ctypes.data
            calls = loss_and_gradient(
                settings.loss,
                self.room.map(self._scores),
                0 if targets else labels,
                labels if targets else 0,
                None,
                self._loss.ctypes.data,
                self._scratch.ctypes.data,
            )
            self._scoring = make_table(calls, self.dtype)
        give_labels(y, self._labels[: len(y)])
        self._scoring.run(len(y), threads)
        return float(self._loss[0])
