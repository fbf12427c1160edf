"""SCALE: a learned factor for each channel.

In the shape comments: N samples, C channels, * any spatial sizes.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network.layers import Scale
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Scale, op: Forward, desk: Desk, n: int) -> Array:
    Y: Array = desk.parameter(op.node, "weight") * desk.input(op, n)  # (C,) * (N, *, C)
    return Y


@backward.register
def _(layer: Scale, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    axes = tuple(range(d.ndim - 1))
    desk.set_gradient(op.node, "weight", np.sum(d * desk.input(op, n), axis=axes))  # (C,)
    return (d * desk.parameter(op.node, "weight"),)
