"""Sums over all positions, for each channel: partial sums of each part in scratch memory, then the sum of those.

A part adds up to BLOCK rows in its dtype, then adds these sums to others in float64. So the error does not grow with
the number of positions. A row is a position, or several where channels are few (:mod:`tatami.plan.scratch.bias`).
A part's slot holds ``width`` sums in float64, and behind them those of the block.
"""

from __future__ import annotations

from typing import Any

from numba import njit, types

from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.pointers import pointer, unpack
from tatami.engines.cpu.vector import fma, lanes, load, load_some, store, store_some

BLOCK = 256


def sum_of_parts(scratch: int, width: int, target: int, channels: int) -> Call:
    """The call that adds the parts' sums, and the positions within a row."""
    return Call(parts_summed, (scratch, width, target, channels))


@njit(nogil=True, error_model="numpy")
def slot_bytes(width: int, real: Any) -> Any:
    """As :func:`tatami.plan.scratch.bias.slot`."""
    return (width * (8 + 64 // lanes(real)) + 63) // 64 * 64


@njit(nogil=True, error_model="numpy")
def block_sums(scratch: int, width: int, real: Any, part: int) -> Any:
    """The part's sums of a block."""
    return pointer(scratch + part * slot_bytes(width, real) + 8 * width, real)


@njit(nogil=True, error_model="numpy")
def clear(scratch: int, width: int, real: Any, part: int) -> None:
    """Set the part's sums to zero."""
    total = pointer(scratch + part * slot_bytes(width, real), types.float64)
    block = block_sums(scratch, width, real, part)
    for i in range(width):
        total[i] = 0.0
        block[i] = real(0)


@njit(nogil=True, error_model="numpy")
def fold(scratch: int, width: int, real: Any, part: int) -> None:
    """Add the sums of a block to the part's sums, and set them to zero."""
    total = pointer(scratch + part * slot_bytes(width, real), types.float64)
    block = block_sums(scratch, width, real, part)
    for i in range(width):
        total[i] += types.float64(block[i])
        block[i] = real(0)


@njit(nogil=True, error_model="numpy")
def add_products(a: Any, b: Any, block: Any, count: int) -> None:
    """Block += a * b, of ``count`` values."""
    width = lanes(a)
    whole = count // width * width
    for i in range(0, whole, width):
        store(block, i, fma(load(a, i), load(b, i), load(block, i)))
    if whole < count:
        some = count - whole
        value = fma(load_some(a, whole, some), load_some(b, whole, some), load_some(block, whole, some))
        store_some(block, whole, value, some)


@njit(nogil=True, error_model="numpy")
def add_row(a: Any, block: Any, count: int) -> None:
    """Block += a, of ``count`` values."""
    width = lanes(a)
    whole = count // width * width
    for i in range(0, whole, width):
        store(block, i, load(a, i) + load(block, i))
    if whole < count:
        some = count - whole
        store_some(block, whole, load_some(a, whole, some) + load_some(block, whole, some), some)


@kernel
def parts_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """target[c] = the sum over parts, in their order, and over the positions of a row."""
    scratch, width, target, channels = unpack(args, 4)
    target = pointer(target, real)
    size = slot_bytes(width, real)
    first, last = share(channels, part, parts)
    for c in range(first, last):
        total = 0.0
        for each in range(parts):
            sums = pointer(scratch + each * size, types.float64)
            for i in range(c, width, channels):
                total += sums[i]
        target[c] = real(total)
