"""Losses: the mean over samples and positions, and its gradient for the scores, which may lie in their memory.

Letters: K classes. Each part sums its rows, a position's scores each, in float64 into a cache line of its own; a second
call adds these.
"""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

from numba import float64, int64, njit

from tatami.engines.cpu.kernels import Call, Kernel, Number, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.softmax import LONG, largest, multiply_row, powers
from tatami.engines.cpu.vector import choose, first, fma, lane_sum, lanes, larger, load_some, splat, store_some, unit
from tatami.recipe import CrossEntropy, Hinge, Loss, MeanSquaredError


@singledispatch
def loss_and_gradient(
    loss: Loss, scores: Map, labels: int, targets: int, d_scores: Map | None, loss_address: int, scratch: int
) -> list[Call]:
    """The calls that write the mean loss, and its gradient.

    Args:
        loss: which.
        scores: (K,) or (*spatial, K).
        labels: address of one int64 for each row, which is the true class; 0 if there are targets.
        targets: address of dense values, K for each row, for losses that take such; 0 if there are labels.
        d_scores: the gradient, perhaps in the memory of the scores; None if only the loss is wanted.
        loss_address: of one float64.
        scratch: of :func:`tatami.plan.scratch.losses.loss_scratch` bytes.
    """
    raise NotImplementedError(f"the cpu engine has no rule for the loss {loss.name}")


@loss_and_gradient.register
def _cross_entropy(
    loss: CrossEntropy, scores: Map, labels: int, targets: int, d_scores: Map | None, loss_address: int, scratch: int
) -> list[Call]:
    rows, truth = (soft_cross_entropy, targets) if targets else (cross_entropy, labels)
    return _calls(rows, scores, d_scores, (truth,), loss_address, scratch, scores.positions)


@loss_and_gradient.register
def _mean_squared_error(
    loss: MeanSquaredError,
    scores: Map,
    labels: int,
    targets: int,
    d_scores: Map | None,
    loss_address: int,
    scratch: int,
) -> list[Call]:
    count = scores.positions * scores.channels
    return _calls(mean_squared_error, scores, d_scores, (labels, targets), loss_address, scratch, count)


@loss_and_gradient.register
def _hinge(
    loss: Hinge, scores: Map, labels: int, targets: int, d_scores: Map | None, loss_address: int, scratch: int
) -> list[Call]:
    return _calls(hinge, scores, d_scores, (labels, float(loss.margin)), loss_address, scratch, scores.positions)


def _calls(
    rows: Kernel, scores: Map, d_scores: Map | None, own: tuple[Number, ...], loss: int, scratch: int, count: int
) -> list[Call]:
    """The sums, and their mean over ``count`` things of each sample."""
    gradient = (d_scores.address, d_scores.stride) if d_scores is not None else (0, 0)
    args = (scores.address, scores.stride, *gradient, scores.positions, scores.channels, scratch, *own)
    return [Call(rows, args), Call(mean_of_parts, (scratch, loss, count))]


@kernel
def mean_of_parts(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The parts' sums, in their order, over ``count`` things of each sample."""
    scratch, loss, count = unpack(args, 3)
    if part == 0:
        sums, total = pointer(scratch, float64), 0.0
        for each in range(parts):
            total += sums[8 * each]
        pointer(loss, float64)[0] = total / (n * count)


@kernel
def cross_entropy(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """log(sum_j exp(s_j)) - s_y; the gradient is p - (1 for the true class), p the softmax (CS231n)."""
    scores, ss, gradient, gs, positions, classes, scratch, labels = unpack(args, 8)
    keep = gradient != 0
    scores, gradient, labels = pointer(scores, real), pointer(gradient, real), pointer(labels, int64)
    portion, loss = 1.0 / (n * positions), 0.0
    first_row, last_row = share(n * positions, part, parts)
    for row in range(first_row, last_row):
        s, d, y = at(scores, row * ss), at(gradient, row * gs), labels[row]
        top, true = largest(s, classes, real), s[y]
        total = powers(s, d, top, classes, real, keep)
        loss += math.log(total) - (float64(true) - float64(top))
        if keep:
            p = float64(d[y]) / total
            multiply_row(d, real(portion / total), classes, real)
            d[y] = real((p - 1.0) * portion)
    pointer(scratch, float64)[8 * part] = loss


@njit(nogil=True, error_model="numpy")
def _weighed(s: Any, t: Any, top: Any, count: int, real: Any) -> tuple[float, float]:
    """The sums of t, and of t (s - top) where t is not 0, for there s may be -infinity."""
    width, tops, zero = lanes(real), splat(top, real), splat(real(0), real)
    weight, total = 0.0, 0.0
    for start in range(0, count, LONG):
        stop, weights, sums = min(start + LONG, count), zero, zero
        for i in range(start, stop, width):
            target = load_some(t, i, stop - i)
            weights = weights + target
            sums = sums + choose(target, zero, target * (load_some(s, i, stop - i) - tops), zero)
        weight += float64(lane_sum(weights))
        total += float64(lane_sum(sums))
    return weight, total


@kernel
def soft_cross_entropy(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """W log(sum_j exp(s_j)) - sum_j t_j s_j, w the sum of t; the gradient is w p - t (see the recipe)."""
    scores, ss, gradient, gs, positions, classes, scratch, targets = unpack(args, 8)
    keep, width = gradient != 0, lanes(real)
    scores, gradient, targets = pointer(scores, real), pointer(gradient, real), pointer(targets, real)
    portion, loss = 1.0 / (n * positions), 0.0
    pull = splat(real(-portion), real)
    first_row, last_row = share(n * positions, part, parts)
    for row in range(first_row, last_row):
        s, d, t = at(scores, row * ss), at(gradient, row * gs), at(targets, row * classes)
        top = largest(s, classes, real)
        weight, true = _weighed(s, t, top, classes, real)  # before the powers, which may be written over the scores
        total = powers(s, d, top, classes, real, keep)
        loss += weight * math.log(total) - true
        if keep:
            factor = splat(real(weight / total * portion), real)
            for i in range(0, classes, width):
                some = classes - i
                store_some(d, i, fma(load_some(d, i, some), factor, load_some(t, i, some) * pull), some)
    pointer(scratch, float64)[8 * part] = loss


@kernel
def mean_squared_error(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """(s_j - target_j)^2 of every output; the gradient is twice the difference."""
    scores, ss, gradient, gs, positions, classes, scratch, labels, targets = unpack(args, 9)
    keep, has_labels, width, loss = gradient != 0, labels != 0, lanes(real), 0.0
    scores, gradient, targets = pointer(scores, real), pointer(gradient, real), pointer(targets, real)
    labels = pointer(labels, int64)
    factor = splat(real(2.0 / (n * positions * classes)), real)
    first_row, last_row = share(n * positions, part, parts)
    for row in range(first_row, last_row):
        s, d = at(scores, row * ss), at(gradient, row * gs)
        for start in range(0, classes, LONG):
            stop, sums = min(start + LONG, classes), splat(real(0), real)
            for i in range(start, stop, width):
                some = stop - i
                if has_labels:
                    difference = load_some(s, i, some) - unit(labels[row] - i, real)
                else:
                    difference = load_some(s, i, some) - load_some(targets, row * classes + i, some)
                sums = fma(difference, difference, sums)
                if keep:
                    store_some(d, i, difference * factor, some)
            loss += float64(lane_sum(sums))
    pointer(scratch, float64)[8 * part] = loss


@kernel
def hinge(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Sum over the wrong classes j of max(0, s_j - s_y + margin): each pulls by 1, the true class by their number.

    The true class takes part in the loop, where it gives exactly the margin, and is taken off behind it (CS231n).
    """
    scores, ss, gradient, gs, positions, classes, scratch, labels, margin = unpack(args, 9)
    keep, width, loss = gradient != 0, lanes(real), 0.0
    scores, gradient, labels = pointer(scores, real), pointer(gradient, real), pointer(labels, int64)
    margin = real(real_number(margin))
    margins, zero, one = splat(margin, real), splat(real(0), real), splat(real(1), real)
    portion = 1.0 / (n * positions)
    pull = splat(real(portion), real)
    first_row, last_row = share(n * positions, part, parts)
    for row in range(first_row, last_row):
        s, d, y = at(scores, row * ss), at(gradient, row * gs), labels[row]
        true, count = splat(s[y], real), 0.0
        for start in range(0, classes, LONG):
            stop, sums, counts = min(start + LONG, classes), zero, zero
            for i in range(start, stop, width):
                excess = larger(zero, first((load_some(s, i, stop - i) - true) + margins, stop - i))
                sums = sums + excess
                counts = counts + choose(excess, zero, one, zero)
                if keep:
                    store_some(d, i, choose(excess, zero, pull, zero), stop - i)
            loss += float64(lane_sum(sums))
            count += float64(lane_sum(counts))
        loss -= float64(margin)
        if keep:
            d[y] = real((1.0 - count) * portion)
    pointer(scratch, float64)[8 * part] = loss
