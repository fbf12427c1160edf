"""ADD, MUL: where branches meet. CONCAT takes no rule: its parts are written where they belong.

In the shape comments: N samples, C channels, * any spatial sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network.layers import Add, Multiply
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Add, op: Forward, desk: Desk, n: int) -> Array:
    Y: Array = reduce(np.add, (desk.room.array(place, n) for place in op.inputs))
    return Y


@forward.register
def _(layer: Multiply, op: Forward, desk: Desk, n: int) -> Array:
    """The product of the inputs; a vector (N, C) multiplies every position of a map (N, *, C)."""
    return _product(_factors(op, desk, n))


@backward.register
def _(layer: Multiply, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    factors = _factors(op, desk, n)
    gradients: list[Array | None] = []
    for i, (place, target) in enumerate(zip(op.inputs, op.targets, strict=True)):
        if target is None:
            gradients.append(None)
            continue
        dX = d * _product(factors[:i] + factors[i + 1 :])  # (N, *, C)
        # A vector was used at every position: its gradient is the sum over them.
        gradients.append(dX if len(place.shape) == d.ndim - 1 else dX.sum(axis=tuple(range(1, d.ndim - 1))))
    return gradients


def _factors(op: Forward | Backward, desk: Desk, n: int) -> list[Array]:
    """The inputs, with as many axes each: (N, 1, 1, C) for a vector beside an image."""
    axes = len(op.output.shape)
    values = (desk.room.array(place, n) for place in op.inputs)
    return [X if X.ndim == axes + 1 else np.expand_dims(X, tuple(range(1, axes))) for X in values]


def _product(factors: Sequence[Array]) -> Array:
    return reduce(np.multiply, factors)
