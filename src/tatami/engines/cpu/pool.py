"""POOL and GAP: each window becomes its largest value or its mean, channel by channel.

Of a maximum, its place is kept: the number of the window's position, in row order, where it was first found; bytes
(n, *out, C), or pairs of bytes for windows of more than 256 positions.
"""

from __future__ import annotations

from tatami.engines.cpu.kernels import Call, Number
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pool_backward import returned, returned_wide
from tatami.engines.cpu.pool_forward import max_pooled, max_pooled_wide, mean_pooled
from tatami.engines.cpu.pool_mean import averaged, shared_out
from tatami.network.layers import Pool
from tatami.plan.scratch.pool import place_bytes


def forward(layer: Pool, x: Map, y: Map, places: int) -> list[Call]:
    """Y = the maximum or the mean of each window; ``places`` 0: they are not wanted."""
    maps = (x.address, x.stride, y.address, y.stride)
    if layer.kind == "avg":
        return [Call(mean_pooled, (*maps, int(layer.count_pad), *geometry(layer, x)))]
    return [Call(max_pooled if place_bytes(layer) == 1 else max_pooled_wide, (*maps, places, *geometry(layer, x)))]


def backward(layer: Pool, dy: Map, dx: Map, places: int, add: bool) -> list[Call]:
    """Dx = or += dy where the maximum was, or an equal share of it."""
    wide = layer.kind == "max" and place_bytes(layer) == 2
    maps = (dy.address, dy.stride, dx.address, dx.stride)
    args = (*maps, places if layer.kind == "max" else 0, int(layer.count_pad), int(add), *geometry(layer, dx))
    return [Call(returned_wide if wide else returned, args)]


def geometry(layer: Pool, x: Map) -> tuple[Number, ...]:
    """C, and input, output, window, stride and padding before along three axes; missing ones are of length 1."""
    axes = layer.window(x.shape).axes
    one = (1,) * (3 - len(axes))
    return (
        x.channels,
        *one,
        *(axis.length for axis in axes),
        *one,
        *(axis.output for axis in axes),
        *one,
        *(axis.size for axis in axes),
        *one,
        *(axis.stride for axis in axes),
        *(0 for _ in one),
        *(axis.before for axis in axes),
    )


def forward_mean(x: Map, y: Map) -> list[Call]:
    """Y (C,) = the mean of each map."""
    return [Call(averaged, (x.address, x.stride, y.address, y.stride, x.positions, x.channels))]


def backward_mean(dy: Map, dx: Map, add: bool) -> list[Call]:
    """Dx = or += an equal share of dy at each position."""
    return [Call(shared_out, (dy.address, dy.stride, dx.address, dx.stride, dx.positions, dx.channels, int(add)))]
