"""One op of a program after the other: the head's rule, then what is fused with it, then where the result goes.

Results are new arrays, and are written when all of them are known; so places that share memory harm nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.activation import bend, bend_back
from tatami.engines.cpu.plain.losses import loss_and_gradient
from tatami.engines.cpu.plain.norm import again, apply
from tatami.engines.cpu.plain.rules import Desk, backward, forward
from tatami.engines.threads import one_blas_thread
from tatami.network.layers import BatchNorm
from tatami.plan.ops import Backward, Copy, Forward, LossStep, Op, Remake, Target, Zero


@dataclass(frozen=True)
class Ops:
    """Ops in order, as a part of a step runs them."""

    ops: Sequence[Op]
    desk: Desk

    # An overflow shows in the loss, which is checked, or in the output: NumPy need not warn of it as well.
    @one_blas_thread
    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def run(self, n: int, threads: int) -> None:
        """Run all ops on ``n`` samples, in the calling thread."""
        for op in self.ops:
            run(op, self.desk, n)


@singledispatch
def run(op: Op, desk: Desk, n: int) -> None:
    """Run one op on ``n`` samples."""
    raise NotImplementedError(type(op).__name__)


@run.register
def _(op: Forward, desk: Desk, n: int) -> None:
    group = op.group
    y = forward(group.layer, op, desk, n)
    if group.norm is not None:  # the running statistics say how: this is inference
        y = apply(group.norm, desk, y)
    if op.shortcut is not None:
        y = y + desk.room.array(op.shortcut, n)
    if group.activation is not None:
        y = bend(group.activation, y)
    desk.room.array(op.output, n)[...] = y


@run.register
def _(op: Backward, desk: Desk, n: int) -> None:
    d = desk.room.array(op.gradient, n)
    if op.group.activation is not None:
        # The plan keeps no output of a batch norm without a shortcut: its sign follows from the input.
        is_remade = isinstance(op.group.layer, BatchNorm) and op.group.shortcut is None
        y = bend(op.group.activation, again(op, desk, n)) if is_remade else desk.room.array(op.output, n)
        d *= bend_back(op.group.activation, y)  # in place, as the plan allows
    if not op.targets:  # a sum hands the gradient on as it is
        return
    gradients = backward(op.group.layer, op, desk, n, d)
    _give(op.shortcut, d, desk)
    for target, gradient in zip(op.targets, gradients, strict=True):
        _give(target, gradient, desk)


def _give(target: Target | None, gradient: Array | None, desk: Desk) -> None:
    """Write or add a gradient where it belongs."""
    if target is None:
        return
    assert gradient is not None
    _put(desk.room.array(target.place, len(gradient)), gradient, target.add)


def _put(there: Array, value: Array, add: bool) -> None:
    if add:
        there += value
    else:
        there[...] = value


@run.register
def _(op: Remake, desk: Desk, n: int) -> None:
    y = again(op, desk, n)
    desk.room.array(op.output, n)[...] = y if op.group.activation is None else bend(op.group.activation, y)


@run.register
def _(op: Copy, desk: Desk, n: int) -> None:
    _put(desk.room.array(op.target, n), desk.room.array(op.source, n), op.add)


@run.register
def _(op: Zero, desk: Desk, n: int) -> None:
    desk.room.array(op.target, n)[...] = 0


@run.register
def _(op: LossStep, desk: Desk, n: int) -> None:
    desk.loss, gradient = loss_and_gradient(desk.room, op, n)
    if op.gradient is not None:
        desk.room.array(op.gradient, n)[...] = gradient
