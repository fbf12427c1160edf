"""Maps copied, added to others, and set to zero: joined maps and shared gradients."""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.kernels import Call, kernel
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.runs import along, each, each_args, lane_function, rows
from tatami.engines.cpu.vector import lanes, splat, store, store_some


def copy(source: Map, target: Map, add: bool) -> list[Call]:
    """Target = or += source."""
    return [Call(copied, each_args(source, target, add))]


def zero(target: Map) -> list[Call]:
    """Target = 0."""
    return [Call(zeroed, (target.address, target.stride, *along(target)))]


@lane_function
def _same(x: Any, p: Any, q: Any) -> Any:
    return x


@kernel
def copied(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = or += x."""
    each(args, real, n, part, parts, _same)


@kernel
def zeroed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = 0."""
    y, ys, positions, channels, dense = unpack(args, 5)
    y, width, nothing = pointer(y, real), lanes(real), splat(real(0), real)
    first, last, start, count = rows(n, positions, channels, dense, width, part, parts)
    whole = count // width * width
    for row in range(first, last):
        a = at(y, start + row * ys)
        for i in range(0, whole, width):
            store(a, i, nothing)
        if whole < count:
            store_some(a, whole, nothing, count - whole)
