"""SHUFFLE: channels dealt out anew. FLATTEN and SLICE are views, or copies (:mod:`tatami.engines.cpu.copying`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import lanes, load_some, store_some
from tatami.network.layers import Shuffle


def shuffle_forward(layer: Shuffle, x: Map, y: Map) -> list[Call]:
    """The channels laid out in rows, one for each group, and read by columns."""
    return _transpose(x, y, layer.groups, False)


def shuffle_backward(layer: Shuffle, dy: Map, dx: Map, add: bool) -> list[Call]:
    """The same the other way round."""
    return _transpose(dy, dx, dy.channels // layer.groups, add)


def _transpose(x: Map, y: Map, rows: int, add: bool) -> list[Call]:
    """Two rows or two columns, the ShuffleNets' only case, are moved by vectors."""
    columns = x.channels // rows
    move = interleaved if rows == 2 else parted if columns == 2 else transposed
    return [Call(move, (x.address, x.stride, y.address, y.stride, x.positions, rows, columns, int(add)))]


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


def _two_of(order: Callable[[int], list[int]]) -> Any:
    """An intrinsic: the lanes of two vectors, numbered on from one to the next, in the ``order`` for that many."""

    @intrinsic
    def move(typingctx: Any, a: Any, b: Any) -> Any:
        result = types.UniTuple(a, 2)

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            kind = ir.VectorType(ir.IntType(32), a.lanes)
            lanes = order(2 * a.lanes)
            halves = lanes[: a.lanes], lanes[a.lanes :]
            moved = [builder.shuffle_vector(*values, ir.Constant(kind, half)) for half in halves]
            return context.make_tuple(builder, result, moved)

        return result(a, b), codegen

    return move


_alternate = _two_of(
    lambda count: [lane for pair in zip(range(count // 2), range(count // 2, count), strict=True) for lane in pair]
)
_separate = _two_of(lambda count: [*range(0, count, 2), *range(1, count, 2)])


@kernel
def interleaved(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """:func:`transposed` with two rows: one of each in turn."""
    x, xs, y, ys, positions, _, half, add = unpack(args, 8)
    x, y, width = pointer(x, real), pointer(y, real), lanes(real)
    first, last = share(n * positions, part, parts)
    for position in range(first, last):
        a, b = at(x, position * xs), at(y, position * ys)
        for i in range(0, half, width):
            some = half - i
            low, high = _alternate(load_some(a, i, some), load_some(a, half + i, some))
            if add:
                low = low + load_some(b, 2 * i, 2 * some)
                high = high + load_some(b, 2 * i + width, 2 * some - width)
            store_some(b, 2 * i, low, 2 * some)
            store_some(b, 2 * i + width, high, 2 * some - width)


@kernel
def parted(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """:func:`transposed` with two columns: the even ones first."""
    x, xs, y, ys, positions, half, _, add = unpack(args, 8)
    x, y, width = pointer(x, real), pointer(y, real), lanes(real)
    first, last = share(n * positions, part, parts)
    for position in range(first, last):
        a, b = at(x, position * xs), at(y, position * ys)
        for i in range(0, half, width):
            some = half - i
            even, odd = _separate(load_some(a, 2 * i, 2 * some), load_some(a, 2 * i + width, 2 * some - width))
            if add:
                even = even + load_some(b, i, some)
                odd = odd + load_some(b, half + i, some)
            store_some(b, i, even, some)
            store_some(b, half + i, odd, some)
