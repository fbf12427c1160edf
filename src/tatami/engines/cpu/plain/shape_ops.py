"""FLATTEN, SLICE, SHUFFLE: values moved, none changed.

FLATTEN and SLICE come here only where their output is no view of their input; their backward passes are copies.
"""

from __future__ import annotations

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network.layers import Flatten, Shuffle, Slice
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Flatten, op: Forward, desk: Desk, n: int) -> Array:
    return desk.input(op, n).reshape(n, -1)


@forward.register
def _(layer: Slice, op: Forward, desk: Desk, n: int) -> Array:
    return desk.input(op, n)[..., layer.start : layer.stop]


@forward.register
def _(layer: Shuffle, op: Forward, desk: Desk, n: int) -> Array:
    return _transpose(desk.input(op, n), layer.groups)


@backward.register
def _(layer: Shuffle, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    return (_transpose(d, d.shape[-1] // layer.groups),)


def _transpose(X: Array, rows: int) -> Array:
    """The channels (N, *, C) laid out in ``rows`` rows and read by columns."""
    table = X.reshape(*X.shape[:-1], rows, -1)  # (N, *, rows, C/rows)
    return table.swapaxes(-1, -2).reshape(X.shape)
