"""SHUFFLE: channels dealt out anew. FLATTEN and SLICE are views, or copies (:mod:`tatami.engines.cpu.copying`)."""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.network.layers import Shuffle


def shuffle_forward(layer: Shuffle, x: Map, y: Map) -> list[Call]:
    """The channels laid out in rows, one for each group, and read by columns."""
    return [Call(transposed, _args(x, y, layer.groups, False))]


def shuffle_backward(layer: Shuffle, dy: Map, dx: Map, add: bool) -> list[Call]:
    """The same the other way round."""
    return [Call(transposed, _args(dy, dx, dy.channels // layer.groups, add))]


def _args(x: Map, y: Map, rows: int, add: bool) -> tuple[int, ...]:
    return (x.address, x.stride, y.address, y.stride, x.positions, rows, x.channels // rows, int(add))


@kernel
def transposed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """At each position y (columns, rows) = or += x (rows, columns) transposed."""
    x, xs, y, ys, positions, rows, columns, add = unpack(args, 8)
    x, y = pointer(x, real), pointer(y, real)
    first, last = share(n * positions, part, parts)
    for position in range(first, last):
        a, b = at(x, position * xs), at(y, position * ys)
        for row in range(rows):
            for column in range(columns):
                value = a[row * columns + column]
                there = column * rows + row
                b[there] = b[there] + value if add else value
