"""GAP's kernels: the mean of each map, and its gradient in equal shares."""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.pointers import at, pointer, unpack
from tatami.engines.cpu.vector import lanes, load_some, splat, store_some, zeros

_BLOCK = 64  # positions that are added to one sum before that is added to the whole, so that rounding stays small
_VECTORS = 4


@njit(nogil=True, forceinline=True)
def _mean(x: Any, xs: int, y: Any, positions: int, factor: Any, some: int) -> None:
    """The mean over all positions of ``some`` channels."""
    total = zeros(x)
    for start in range(0, positions, _BLOCK):
        even, odd = zeros(x), zeros(x)
        stop, p = min(start + _BLOCK, positions), start
        while p + 2 <= stop:
            even = even + load_some(x, p * xs, some)
            odd = odd + load_some(x, (p + 1) * xs, some)
            p += 2
        if p < stop:
            even = even + load_some(x, p * xs, some)
        total = total + (even + odd)
    store_some(y, 0, total * factor, some)


@njit(nogil=True, forceinline=True)
def _means(x: Any, xs: int, y: Any, positions: int, factor: Any) -> None:
    """The mean over all positions of _VECTORS vectors of channels, for long maps."""
    width = lanes(x)
    total, second, third, fourth = zeros(x), zeros(x), zeros(x), zeros(x)
    for start in range(0, positions, _BLOCK):
        a, b, c, d = zeros(x), zeros(x), zeros(x), zeros(x)
        for p in range(start, min(start + _BLOCK, positions)):
            a = a + load_some(x, p * xs, width)
            b = b + load_some(x, p * xs + width, width)
            c = c + load_some(x, p * xs + 2 * width, width)
            d = d + load_some(x, p * xs + 3 * width, width)
        total, second, third, fourth = total + a, second + b, third + c, fourth + d
    store_some(y, 0, total * factor, width)
    store_some(y, width, second * factor, width)
    store_some(y, 2 * width, third * factor, width)
    store_some(y, 3 * width, fourth * factor, width)


@kernel
def averaged(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = the mean of x over all positions."""
    x, xs, y, ys, positions, channels = unpack(args, 6)
    x, y = pointer(x, real), pointer(y, real)
    width = lanes(real)
    factor = splat(real(1) / real(positions), real)
    wide = _VECTORS * width
    blocks = (channels + wide - 1) // wide
    first, last = share(n * blocks, part, parts)
    for block in range(first, last):
        sample, c = block // blocks, block % blocks * wide
        source, target = at(x, sample * positions * xs), at(y, sample * ys)
        if c + wide <= channels:
            _means(at(source, c), xs, at(target, c), positions, factor)
        else:
            while c < channels:
                _mean(at(source, c), xs, at(target, c), positions, factor, min(width, channels - c))
                c += width


@kernel
def shared_out(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Dx = or += dy / positions."""
    dy, ds, dx, xs, positions, channels, add = unpack(args, 7)
    dy, dx = pointer(dy, real), pointer(dx, real)
    width = lanes(real)
    factor = splat(real(1) / real(positions), real)
    first, last = share(n * positions, part, parts)
    for row in range(first, last):
        a, b = at(dy, row // positions * ds), at(dx, row * xs)
        for c in range(0, channels, width):
            some = min(width, channels - c)
            value = load_some(a, c, some) * factor
            if add:
                value = value + load_some(b, c, some)
            store_some(b, c, value, some)
