"""BN, LN, LRN: normalisations.

In the shape comments: N samples, C channels, * any spatial sizes.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.plain.rules import Desk, Gradients, backward, forward
from tatami.network import Node
from tatami.network.layers import BatchNorm, LayerNorm, LocalResponseNorm
from tatami.plan.ops import Backward, Forward, Op, Remake


@forward.register
def _(layer: BatchNorm, op: Forward, desk: Desk, n: int) -> Array:
    """Y = weight * (X - mean) / sqrt(variance + eps) + bias, for each channel (Ioffe & Szegedy 2015, algorithm 1)."""
    X = desk.input(op, n)  # (N, *, C)
    if not desk.training:
        return apply(op.group.head, desk, X)
    statistics = _batch_statistics(op, desk)
    axes = tuple(range(X.ndim - 1))
    np.mean(X, axis=axes, out=statistics[0])
    np.var(X, axis=axes, out=statistics[1])
    weight, bias = desk.parameter(op.node, "weight"), desk.parameter(op.node, "bias")
    return weight * _normal(X, statistics[0], statistics[1], layer.eps) + bias


def again(op: Backward | Remake, desk: Desk, n: int) -> Array:
    """What batch norm made of its input in the forward pass, before any activation, from the statistics it kept."""
    layer, statistics = op.group.layer, _batch_statistics(op, desk)
    assert isinstance(layer, BatchNorm)
    weight, bias = desk.parameter(op.node, "weight"), desk.parameter(op.node, "bias")
    return weight * _normal(desk.room.array(op.inputs[0], n), statistics[0], statistics[1], layer.eps) + bias


def apply(node: Node, desk: Desk, X: Array) -> Array:
    """A batch norm at inference: that of the running statistics."""
    assert isinstance(node.layer, BatchNorm)
    names = ("weight", "bias", "running_mean", "running_var")
    weight, bias, mean, variance = (desk.parameter(node.name, name) for name in names)
    return weight * _normal(X, mean, variance, node.layer.eps) + bias


def _normal(X: Array, mean: Array, variance: Array, eps: float) -> Array:
    normal: Array = (X - mean) / np.sqrt(variance + eps)
    return normal


def _batch_statistics(op: Forward | Backward | Remake, desk: Desk) -> Array:
    """Mean and variance of the batch: (2, C)."""
    statistics = desk.own(op, "statistics", (2, op.output.shape[-1]), desk.room.dtype)
    assert statistics is not None
    return statistics


@backward.register
def _(layer: BatchNorm, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    """What is left of d when its mean and its component along the normal values are taken away (section 3)."""
    X = desk.input(op, n)  # (N, *, C)
    mean, variance = _batch_statistics(op, desk)
    normal, axes = _normal(X, mean, variance, layer.eps), tuple(range(X.ndim - 1))
    weight = desk.parameter(op.node, "weight")
    along, total = np.sum(d * normal, axis=axes), np.sum(d, axis=axes)  # (C,)
    desk.set_gradient(op.node, "weight", along)
    desk.set_gradient(op.node, "bias", total)
    if op.targets[0] is None:
        return (None,)
    count = X.size // X.shape[-1]
    return ((weight / np.sqrt(variance + layer.eps)) * (d - total / count - normal * (along / count)),)


def move_running_statistics(op: Op, desk: Desk, n: int) -> None:
    """Running = (1 - momentum) * running + momentum * the batch's, with the unbiased variance; in batch norms."""
    if not isinstance(op, Forward) or not isinstance(op.group.layer, BatchNorm) or op.phase != "forward":
        return  # run again, it has seen the same
    momentum = op.group.layer.momentum
    mean, variance = _batch_statistics(op, desk)
    count = n * int(np.prod(op.output.shape[:-1], dtype=np.int64))
    unbiased = variance * (count / max(count - 1, 1))
    for name, batch in (("running_mean", mean), ("running_var", unbiased)):
        running = desk.parameter(op.node, name)
        running[...] = running * (1 - momentum) + batch * momentum


@forward.register
def _(layer: LayerNorm, op: Forward, desk: Desk, n: int) -> Array:
    """As batch norm in training, but over the channels of each position (Ba, Kiros & Hinton 2016, equation 3)."""
    X = desk.input(op, n)  # (N, *, C)
    mean, variance = X.mean(axis=-1, keepdims=True), X.var(axis=-1, keepdims=True)  # (N, *, 1)
    statistics = _position_statistics(op, desk, n)
    if statistics is not None:
        statistics[0], statistics[1] = mean, variance
    weight, bias = desk.parameter(op.node, "weight"), desk.parameter(op.node, "bias")
    return weight * _normal(X, mean, variance, layer.eps) + bias


def _position_statistics(op: Forward | Backward, desk: Desk, n: int) -> Array | None:
    """Mean and variance of each position: (2, n, *, 1)."""
    return desk.own(op, "statistics", (2, n, *op.output.shape[:-1], 1), desk.room.dtype)


@backward.register
def _(layer: LayerNorm, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    X, statistics = desk.input(op, n), _position_statistics(op, desk, n)  # (N, *, C)
    assert statistics is not None
    mean, variance = statistics
    normal, axes = _normal(X, mean, variance, layer.eps), tuple(range(X.ndim - 1))
    desk.set_gradient(op.node, "weight", np.sum(d * normal, axis=axes))  # (C,)
    desk.set_gradient(op.node, "bias", np.sum(d, axis=axes))
    if op.targets[0] is None:
        return (None,)
    inner = d * desk.parameter(op.node, "weight")  # (N, *, C): the gradient for the normal values
    along = np.mean(inner * normal, axis=-1, keepdims=True)  # (N, *, 1)
    return ((inner - inner.mean(axis=-1, keepdims=True) - normal * along) / np.sqrt(variance + layer.eps),)


@forward.register
def _(layer: LocalResponseNorm, op: Forward, desk: Desk, n: int) -> Array:
    """Y_i = X_i / (k + alpha * sum of X_j^2 over the channels j around i)^beta.

    Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3. Of an even ``size``, the larger half lies before i.
    """
    X = desk.input(op, n)
    Y: Array = X * _base(layer, X) ** -layer.beta
    return Y


@backward.register
def _(layer: LocalResponseNorm, op: Backward, desk: Desk, n: int, d: Array) -> Gradients:
    # X_i stands in the numerator of Y_i, and in the sum of every Y_j that has i around it: there before and after
    # change sides.
    X = desk.input(op, n)
    base = _base(layer, X)
    scale = base**-layer.beta
    through_sums = _sum_around(d * X * scale / base, (layer.size - 1) // 2, layer.size // 2)
    return (d * scale - 2 * layer.alpha * layer.beta * X * through_sums,)


def _base(layer: LocalResponseNorm, X: Array) -> Array:
    return layer.k + layer.alpha * _sum_around(X**2, layer.size // 2, (layer.size - 1) // 2)


def _sum_around(X: Array, before: int, after: int) -> Array:
    """For each channel, the sum over itself, ``before`` channels before it and ``after`` channels after it."""
    C = X.shape[-1]
    total = np.zeros_like(X)
    for shift in range(-min(before, C - 1), min(after, C - 1) + 1):
        low, high = max(0, -shift), C - max(0, shift)
        total[..., low:high] += X[..., low + shift : high + shift]
    return total
