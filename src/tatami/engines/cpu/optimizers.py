"""Optimizers: one sweep over all parameters, which lie in one flat buffer, as do gradients and each slot of the state.

The formulas and their sources stand in :mod:`tatami.recipe.optimizers`. The learning rate and the number of the step
are read from memory, as they change from step to step; so is the factor of clipping, by which all gradients are
multiplied. What follows from them is worked out in float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from numba import int64, njit

from tatami.engines.cpu.clock import COUNT, RATE, SCALE
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.pointers import pointer, real_number, unpack
from tatami.engines.cpu.vector import fma, lanes, load_some, splat, square_root, store_some
from tatami.recipe import SGD, Adam, AdamW, Optimizer, RMSProp


@singledispatch
def update(
    optimizer: Optimizer, weights: int, gradients: int, slots: Sequence[int], count: int, clock: int
) -> list[Call]:
    """The calls that move ``count`` weights.

    Args:
        optimizer: how.
        weights: address.
        gradients: address.
        slots: addresses of the state, in the order of ``optimizer.slots``.
        count: of parameters.
        clock: address of the words of :mod:`tatami.engines.cpu.clock`.
    """
    raise NotImplementedError(f"the cpu engine has no rule for the optimizer {optimizer.name}")


@update.register
def _sgd(optimizer: SGD, weights: int, gradients: int, slots: Sequence[int], count: int, clock: int) -> list[Call]:
    where, decay = (weights, gradients, count, clock), float(optimizer.weight_decay)
    if not optimizer.momentum:
        return [Call(descent, (*where, decay))]
    # w moves against (new v) or, looking ahead, against g + momentum * (new v).
    ahead = (float(optimizer.momentum), 1.0) if optimizer.nesterov else (1.0, 0.0)
    return [Call(momentum, (*where, *slots, decay, float(optimizer.momentum), *ahead))]


@update.register
def _rmsprop(
    optimizer: RMSProp, weights: int, gradients: int, slots: Sequence[int], count: int, clock: int
) -> list[Call]:
    numbers = (float(optimizer.weight_decay), float(optimizer.alpha), float(optimizer.eps))
    return [Call(rmsprop, (weights, gradients, count, clock, *slots, *numbers))]


@update.register
def _adam(optimizer: Adam, weights: int, gradients: int, slots: Sequence[int], count: int, clock: int) -> list[Call]:
    """The decay of Adam falls on the gradient, that of AdamW on the weights."""
    numbers = (*map(float, optimizer.betas), float(optimizer.eps))
    decay, shrink = float(optimizer.weight_decay), 0.0
    if isinstance(optimizer, AdamW):
        decay, shrink = shrink, decay
    return [Call(adam, (weights, gradients, count, clock, *slots, decay, shrink, *numbers))]


@njit(nogil=True, error_model="numpy")
def lines_of(count: int, width: int, part: int, parts: int) -> Any:
    """The part's range of values, cut at cache lines."""
    first, last = share((count + width - 1) // width, part, parts)
    return first * width, min(last * width, count)


@njit(nogil=True, forceinline=True)
def _vector(word: int, real: Any) -> Any:
    """An argument that is a number, in each lane."""
    return splat(real(real_number(word)), real)


@kernel
def descent(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """W -= lr * (g + decay * w)."""
    w, g, count, clock, decay = unpack(args, 5)
    w, g, clock, width = pointer(w, real), pointer(g, real), pointer(clock, int64), lanes(real)
    decay, rate = _vector(decay, real), splat(real(-real_number(clock[RATE])), real)
    scale = splat(real(real_number(clock[SCALE])), real)
    first, last = lines_of(count, width, part, parts)
    for i in range(first, last, width):
        some = last - i
        weight = load_some(w, i, some)
        gradient = fma(decay, weight, scale * load_some(g, i, some))
        store_some(w, i, fma(rate, gradient, weight), some)


@kernel
def momentum(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """V <- momentum * v + g; w -= lr * (a v + b g), where (a, b) is (1, 0), or with nesterov (momentum, 1)."""
    w, g, count, clock, v, decay, keep, a, b = unpack(args, 9)
    w, g, v, clock, width = pointer(w, real), pointer(g, real), pointer(v, real), pointer(clock, int64), lanes(real)
    decay, keep, a, b = _vector(decay, real), _vector(keep, real), _vector(a, real), _vector(b, real)
    rate = splat(real(-real_number(clock[RATE])), real)
    scale = splat(real(real_number(clock[SCALE])), real)
    first, last = lines_of(count, width, part, parts)
    for i in range(first, last, width):
        some = last - i
        weight = load_some(w, i, some)
        gradient = fma(decay, weight, scale * load_some(g, i, some))
        velocity = fma(keep, load_some(v, i, some), gradient)
        store_some(v, i, velocity, some)
        store_some(w, i, fma(rate, fma(a, velocity, b * gradient), weight), some)


@kernel
def rmsprop(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """S <- alpha * s + (1 - alpha) * g^2; w -= lr * g / (sqrt(s) + eps)."""
    w, g, count, clock, s, decay, alpha, eps = unpack(args, 8)
    w, g, s, clock, width = pointer(w, real), pointer(g, real), pointer(s, real), pointer(clock, int64), lanes(real)
    new = splat(real(1.0 - real_number(alpha)), real)
    decay, alpha, eps = _vector(decay, real), _vector(alpha, real), _vector(eps, real)
    rate = splat(real(real_number(clock[RATE])), real)
    scale = splat(real(real_number(clock[SCALE])), real)
    first, last = lines_of(count, width, part, parts)
    for i in range(first, last, width):
        some = last - i
        weight = load_some(w, i, some)
        gradient = fma(decay, weight, scale * load_some(g, i, some))
        square = fma(alpha, load_some(s, i, some), new * gradient * gradient)
        store_some(s, i, square, some)
        store_some(w, i, weight - rate * gradient / (square_root(square) + eps), some)


@kernel
def adam(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """M <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) g^2; w -= lr m' / (sqrt(v') + eps).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t): these corrections for having begun at zero go into lr, and into one
    factor for sqrt(v). Before all that w shrinks by lr * shrink * w (AdamW).
    """
    w, g, count, clock, m, v, decay, shrink, beta_1, beta_2, eps = unpack(args, 11)
    w, g, m, v = pointer(w, real), pointer(g, real), pointer(m, real), pointer(v, real)
    clock, width = pointer(clock, int64), lanes(real)
    t, lr, b1, b2 = float(clock[COUNT]), real_number(clock[RATE]), real_number(beta_1), real_number(beta_2)
    step = splat(real(lr / (1.0 - math.pow(b1, t))), real)
    root = splat(real(1.0 / math.sqrt(1.0 - math.pow(b2, t))), real)
    smaller = splat(real(1.0 - lr * real_number(shrink)), real)
    new_1, new_2 = splat(real(1.0 - b1), real), splat(real(1.0 - b2), real)
    decay, keep_1, keep_2, eps = _vector(decay, real), _vector(beta_1, real), _vector(beta_2, real), _vector(eps, real)
    scale = splat(real(real_number(clock[SCALE])), real)
    first, last = lines_of(count, width, part, parts)
    for i in range(first, last, width):
        some = last - i
        weight = load_some(w, i, some)
        gradient = fma(decay, weight, scale * load_some(g, i, some))
        weight = weight * smaller
        mean = fma(keep_1, load_some(m, i, some), new_1 * gradient)
        variance = fma(keep_2, load_some(v, i, some), new_2 * gradient * gradient)
        store_some(m, i, mean, some)
        store_some(v, i, variance, some)
        store_some(w, i, weight - step * mean / fma(square_root(variance), root, eps), some)
