"""DROPOUT: values set to zero at random while training; the mask is the textbook engine's, and kept as bits."""

from __future__ import annotations

import math

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network.layers import Dropout
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Dropout, op: Forward, desk: Desk, n: int) -> Array:
    """Y = X * mask / (1 - rate), the mask 1 with probability 1 - rate (Srivastava et al. 2014, section 10)."""
    X = desk.input(op, n)
    if not desk.training:
        return X
    nodes, clock = desk.room.program.network.nodes, desk.clock
    node = next(i for i, node in enumerate(nodes) if node.name == op.node)
    random = np.random.Generator(np.random.Philox(key=clock.seed, counter=[0, 0, node, clock.step]))
    # In float32 for each dtype, so that a float64 model drops the same values.
    mask = random.random(X.shape, np.float32) >= layer.rate
    _kept(op, desk, n)[...] = np.packbits(mask, bitorder="little")
    Y: Array = X * mask / (1 - layer.rate)
    return Y


@backward.register
def _(layer: Dropout, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    mask = np.unpackbits(_kept(op, desk, n), count=d.size, bitorder="little").reshape(d.shape)
    return (d * mask / (1 - layer.rate),)


def _kept(op: Forward | Backward, desk: Desk, n: int) -> Array:
    """The mask, a bit a value."""
    count = n * math.prod(op.output.shape)
    kept = desk.own(op, "mask", ((count + 7) // 8,), np.dtype(np.uint8))
    assert kept is not None
    return kept
