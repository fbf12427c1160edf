"""FC: every output sees every input.

In the shape comments: N samples, D values a sample, K units.
"""

from __future__ import annotations

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network.layers import Dense
from tatami.plan.ops import Backward, Forward


@forward.register
def _(layer: Dense, op: Forward, desk: Desk, n: int) -> Array:
    Y: Array = desk.input(op, n).reshape(n, -1) @ desk.parameter(op.node, "weight")  # (N, D) @ (D, K) is (N, K)
    if layer.bias:
        Y += desk.parameter(op.node, "bias")
    return Y


@backward.register
def _(layer: Dense, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    X = desk.input(op, n)
    desk.set_gradient(op.node, "weight", X.reshape(n, -1).T @ d)  # (D, N) @ (N, K) is (D, K)
    if layer.bias:
        desk.set_gradient(op.node, "bias", d.sum(axis=0))  # (K,)
    if op.targets[0] is None:
        return (None,)
    return ((d @ desk.parameter(op.node, "weight").T).reshape(X.shape),)  # (N, K) @ (K, D) is (N, D)
