"""Element-wise kernels: one function of vectors along all values of maps, whose memory may be the same.

A kernel names the function, and :func:`each` or :func:`pair` walks the maps:

    @lane_function
    def _twice(x, p, q):
        return x + x

    @kernel
    def twice(args, real, n, part, parts):
        each(args, real, n, part, parts, _twice)

p and q are numbers that the call gives along, as vectors. Where all maps are dense, their values are one long row, cut
at cache lines; otherwise each position is a row of channels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from numba import njit
from numba.extending import overload

from tatami.engines.cpu.kernels import Number, share
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.vector import lanes, load, load_some, splat, store, store_some


def lane_function(f: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: a function of vectors that compiled functions can take as an argument.

    One decorated by ``njit`` could be given along, too, but its address would become part of the machine code, which
    could not be cached.
    """

    def name(*args: Any) -> Any:
        raise NotImplementedError(f"{f.__name__} is for compiled functions")

    # Its name becomes part of the symbols of functions that take it, which must differ in all code that is kept.
    name.__qualname__ = f"{f.__module__}.{f.__qualname__}"

    @overload(name, jit_options={"nogil": True, "forceinline": True})
    @wraps(f)
    def find(*args: Any) -> Any:
        return f

    return name


def along(*maps: Map) -> tuple[int, int, int]:
    """Positions, channels and density of maps of one size, as :func:`rows` takes them."""
    return maps[0].positions, maps[0].channels, int(all(each.is_dense for each in maps))


def each_args(x: Map, y: Map, add: bool = False, p: float = 0.0, q: float = 0.0) -> tuple[Number, ...]:
    """Arguments of :func:`each`."""
    return (x.address, x.stride, y.address, y.stride, *along(x, y), int(add), float(p), float(q))


def pair_args(a: Map, b: Map, y: Map, add: bool = False, p: float = 0.0, q: float = 0.0) -> tuple[Number, ...]:
    """Arguments of :func:`pair`."""
    where = (a.address, a.stride, b.address, b.stride, y.address, y.stride)
    return (*where, *along(a, b, y), int(add), float(p), float(q))


@njit(nogil=True, error_model="numpy")
def rows(n: int, positions: int, channels: int, dense: int, width: int, part: int, parts: int) -> Any:
    """The rows of a part: (first row, last row + 1, where the first begins, how long each is)."""
    if dense:
        total = n * positions * channels
        first, last = share((total + width - 1) // width, part, parts)
        first, last = first * width, min(last * width, total)
        return 0, 1, first, max(last - first, 0)
    first, last = share(n * positions, part, parts)
    return first, last, 0, channels


@njit(nogil=True, error_model="numpy")
def each(args: Any, real: Any, n: int, part: int, parts: int, f: Callable[..., Any]) -> None:
    """Y = or += f(x, p, q)."""
    x, xs, y, ys, positions, channels, dense, add, p, q = unpack(args, 10)
    x, y = pointer(x, real), pointer(y, real)
    p, q = splat(real(real_number(p)), real), splat(real(real_number(q)), real)
    width = lanes(real)
    first, last, start, count = rows(n, positions, channels, dense, width, part, parts)
    whole = count // width * width
    for row in range(first, last):
        a, b = at(x, start + row * xs), at(y, start + row * ys)
        for i in range(0, whole, width):
            value = f(load(a, i), p, q)
            if add:
                value = value + load(b, i)
            store(b, i, value)
        if whole < count:
            value = f(load_some(a, whole, count - whole), p, q)
            if add:
                value = value + load_some(b, whole, count - whole)
            store_some(b, whole, value, count - whole)


@njit(nogil=True, error_model="numpy")
def pair(args: Any, real: Any, n: int, part: int, parts: int, f: Callable[..., Any]) -> None:
    """Y = or += f(a, b, p, q)."""
    x, xs, y, ys, z, zs, positions, channels, dense, add, p, q = unpack(args, 12)
    x, y, z = pointer(x, real), pointer(y, real), pointer(z, real)
    p, q = splat(real(real_number(p)), real), splat(real(real_number(q)), real)
    width = lanes(real)
    first, last, start, count = rows(n, positions, channels, dense, width, part, parts)
    whole = count // width * width
    for row in range(first, last):
        a, b, c = at(x, start + row * xs), at(y, start + row * ys), at(z, start + row * zs)
        for i in range(0, whole, width):
            value = f(load(a, i), load(b, i), p, q)
            if add:
                value = value + load(c, i)
            store(c, i, value)
        if whole < count:
            some = count - whole
            value = f(load_some(a, whole, some), load_some(b, whole, some), p, q)
            if add:
                value = value + load_some(c, whole, some)
            store_some(c, whole, value, some)
