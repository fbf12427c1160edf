"""BN: y = bend(weight * (x - mean) / sqrt(variance + eps) + bias + shortcut) for each channel (Ioffe & Szegedy 2015).

Sum and activation behind it are fused. The kernels stream over rows: a position's values are one row, or those of
several positions where channels are few and all maps dense (:func:`tatami.plan.scratch.bias.group`); what is left over
makes a shorter row at the end. Numbers for each channel are laid out along a row in tables in scratch memory
(:mod:`tatami.engines.cpu.norm_tables`).
"""

from __future__ import annotations

from tatami.engines.cpu.batch_norm_backward import bent_and_summed, folded, returned, summed
from tatami.engines.cpu.batch_norm_forward import normalised
from tatami.engines.cpu.batch_norm_statistics import kept, moments_summed, moved
from tatami.engines.cpu.kernels import Call, Number
from tatami.engines.cpu.norm_fold import bias_folded, weight_folded
from tatami.engines.cpu.norm_tables import filled
from tatami.engines.cpu.places import STRAIGHT, Bend, Map
from tatami.network.layers import BatchNorm
from tatami.plan.scratch.bias import group


def forward(
    layer: BatchNorm,
    x: Map,
    y: Map,
    weight: int,
    bias: int,
    statistics: int,
    bend: Bend,
    shortcut: Map | None,
    scratch: int,
) -> list[Call]:
    """With the statistics of the batch, which are kept: C means, C inverse deviations, C variances.

    y may be the memory of the shortcut, but not of x.
    """
    rows = _rows(scratch, x, y, shortcut)
    return [
        Call(moments_summed, (*rows, x.address, x.stride)),
        Call(kept, (*rows, statistics, weight, bias, float(layer.eps))),
        _apply(rows, x, y, bend, shortcut),
    ]


def remake(x: Map, y: Map, weight: int, bias: int, statistics: int, bend: Bend, scratch: int) -> list[Call]:
    """What :func:`forward` made, bit for bit, from the statistics that it kept."""
    rows = _rows(scratch, x, y)
    return [Call(filled, (*rows, statistics, 0, 0, 0.0, weight, bias)), _apply(rows, x, y, bend, None)]


def update_running(layer: BatchNorm, x: Map, statistics: int, running_mean: int, running_var: int) -> list[Call]:
    """New = (1 - momentum) * old + momentum * batch's, of the mean and the unbiased variance."""
    args = (x.positions, x.channels, statistics, running_mean, running_var, float(layer.momentum))
    return [Call(moved, args)]


def forward_inference(
    layer: BatchNorm,
    x: Map,
    y: Map,
    weight: int,
    bias: int,
    running_mean: int,
    running_var: int,
    bend: Bend,
    shortcut: Map | None,
    scratch: int,
) -> list[Call]:
    """With running statistics. y may be the memory of x or of the shortcut."""
    rows = _rows(scratch, x, y, shortcut)
    return [
        Call(filled, (*rows, running_mean, running_var, 1, float(layer.eps), weight, bias)),
        _apply(rows, x, y, bend, shortcut),
    ]


def backward(
    layer: BatchNorm,
    x: Map,
    y: Map | None,
    dy: Map,
    dx: Map | None,
    weight: int,
    bias: int,
    statistics: int,
    d_weight: int,
    d_bias: int,
    bend: Bend,
    d_shortcut: Map | None,
    add: bool,
    add_shortcut: bool,
    scratch: int,
) -> list[Call]:
    """With d, dy bent back: d_shortcut and dx = or +=, d_bias = sums of d, d_weight = sums of d * normal.

    dy is bent back by the output y; without y, which is allowed where there was no shortcut, by what x makes of it
    anew: that is faster. dy may be destroyed, and it may be the memory of dx or of d_shortcut.
    """
    rows = _rows(scratch, x, y if not bend.is_identity else None, dy, dx, d_shortcut)
    inverse = statistics, x.channels  # of the deviations, behind the means
    calls = [Call(filled, (*rows, statistics, 0, 0, 0.0, weight, bias))]
    from_y = y is not None and not bend.is_identity
    d, d_bend = dy, STRAIGHT  # what the second pass reads, and how it is still to be bent
    if from_y or (d_shortcut is not None and (add_shortcut or d_shortcut != dy)):
        target = dy if d_shortcut is None or add_shortcut else d_shortcut
        more = d_shortcut if add_shortcut else None
        args = (*rows, *_where(x), *_where(dy), *_where(y if from_y else None), *_where(target), *_where(more))
        calls.append(Call(bent_and_summed, (*args, bend.slope, bend.cap)))
        d = target
    else:
        d_bend = bend
        calls.append(Call(summed, (*rows, *_where(x), *_where(dy), bend.slope, bend.cap)))
    calls.append(Call(folded, (*rows, *inverse, d_weight, d_bias)))
    if dx is not None:
        args = (*rows, *_where(x), *_where(d), *_where(dx), int(add))
        calls.append(Call(returned, (*args, d_bend.slope, d_bend.cap)))
    return calls


def fold(
    layer: BatchNorm,
    weight: int,
    shift: int,
    rows: int,
    filters: int,
    norm_weight: int,
    norm_bias: int,
    running_mean: int,
    running_var: int,
    new_weight: int,
    new_shift: int,
) -> list[Call]:
    """Weights (rows, filters) and bias (0: none) of a convolution, with the batch norm behind it worked in."""
    norm = (norm_weight, running_var, float(layer.eps))
    return [
        Call(weight_folded, (weight, rows, filters, *norm, new_weight)),
        Call(bias_folded, (shift, filters, *norm, norm_bias, running_mean, new_shift)),
    ]


def _rows(scratch: int, x: Map, *others: Map | None) -> tuple[Number, ...]:
    """Scratch memory, positions, channels, and how many positions are a row."""
    together = group(x.channels, all(each.is_dense for each in (x, *others) if each is not None))
    return scratch, x.positions, x.channels, together


def _where(each: Map | None) -> tuple[Number, Number]:
    return (each.address, each.stride) if each is not None else (0, 0)


def _apply(rows: tuple[Number, ...], x: Map, y: Map, bend: Bend, shortcut: Map | None) -> Call:
    return Call(normalised, (*rows, *_where(x), *_where(y), *_where(shortcut), bend.slope, bend.cap))
