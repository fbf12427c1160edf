"""DROPOUT: a mask of one bit a value, and what it keeps.

The mask is that of the textbook engine, bit for bit: NumPy's generator with the model's seed as its key and the counter
(0, 0, node, step), of whose numbers in float32 those of at least the rate are kept. NumPy counts up before it draws a
block; a block's four words are eight numbers, the lower half of each word first, and of each half the upper 24 bits.
So block i + 1 makes byte i of the mask.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import int64, njit, types, uint8, uint64
from numba.extending import intrinsic

from tatami.engines.cpu.clock import SEED, STEP
from tatami.engines.cpu.kernels import Call, kernel, share
from tatami.engines.cpu.philox import block
from tatami.engines.cpu.places import Map
from tatami.engines.cpu.pointers import at, pointer, real_number, unpack
from tatami.engines.cpu.runs import along, rows
from tatami.engines.cpu.vector import lanes, llvm_vector, load_some, splat, store_some
from tatami.network.layers import Dropout


def forward(layer: Dropout, x: Map, y: Map, mask: int, clock: int, node: int) -> list[Call]:
    """Y = x / (1 - rate) where the mask, which is drawn here, is 1, and 0 elsewhere. y may be the memory of x.

    Args:
        layer: whose rate it is.
        x: input.
        y: output.
        mask: address of the bits.
        clock: address of the words of :mod:`tatami.engines.cpu.clock`.
        node: the layer's place in the network.
    """
    # A number is a multiple of 2^-24, as the rate in float32 may be none: the least multiple that is kept.
    least = math.ceil(float(np.float32(layer.rate)) * 2**24)
    drawn_by = (mask, clock, node, least, x.positions * x.channels)
    return [Call(drawn, drawn_by), *_keep(layer, x, y, mask, False)]


def backward(layer: Dropout, dy: Map, dx: Map, mask: int, add: bool) -> list[Call]:
    """Dx = or += dy / (1 - rate) where the mask is 1, and 0 elsewhere. dx may be the memory of dy."""
    return _keep(layer, dy, dx, mask, add)


def _keep(layer: Dropout, x: Map, y: Map, mask: int, add: bool) -> list[Call]:
    where = (x.address, x.stride, y.address, y.stride, *along(x, y))
    return [Call(kept, (*where, mask, 1.0 - layer.rate, int(add)))]


@intrinsic
def _byte(typingctx: Any, words: Any, least: Any) -> Any:
    """Eight bits: which upper 24 bits of the halves of four words, lower halves first, are at least ``least``."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        i32, halves = ir.IntType(32), ir.VectorType(ir.IntType(32), 8)
        vector = ir.Constant(ir.VectorType(ir.IntType(64), 4), ir.Undefined)
        for i in range(4):
            vector = builder.insert_element(vector, builder.extract_value(values[0], i), ir.Constant(i32, i))
        numbers = builder.lshr(builder.bitcast(vector, halves), ir.Constant(halves, [8] * 8))
        limit = ir.Constant(halves, ir.Undefined)
        for i in range(8):
            limit = builder.insert_element(limit, builder.trunc(values[1], i32), ir.Constant(i32, i))
        return builder.bitcast(builder.icmp_unsigned(">=", numbers, limit), ir.IntType(8))

    return uint8(types.UniTuple(uint64, 4), int64), codegen


@kernel
def drawn(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The mask, byte by byte."""
    mask, clock, node, least, values = unpack(args, 5)
    mask, clock = pointer(mask, uint8), pointer(clock, int64)
    seed, step = uint64(clock[SEED]), uint64(clock[STEP])
    first, last = share((n * values + 7) // 8, part, parts)
    for i in range(first, last):
        words = block(uint64(i + 1), uint64(0), uint64(node), step, seed, uint64(0))
        mask[i] = _byte(words, least)


@intrinsic
def _where(typingctx: Any, bits: Any, a: Any) -> Any:
    """``a`` in the lanes whose bit (of an int64, the lowest is lane 0) is 1, and 0 elsewhere."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = llvm_vector(a)
        few = builder.trunc(values[0], ir.IntType(vector.count))
        flags = builder.bitcast(few, ir.VectorType(ir.IntType(1), vector.count))
        return builder.select(flags, values[1], ir.Constant(vector, [0.0] * vector.count))

    return a(int64, a), codegen


@njit(nogil=True, forceinline=True)
def _bits(mask: Any, first: int, count: int) -> Any:
    """The bits of up to 16 values from ``first`` on; no byte behind those of ``count`` values is read."""
    byte, shift = first >> 3, first & 7
    bits = int64(mask[byte])
    if shift + count > 8:
        bits |= int64(mask[byte + 1]) << 8
    if shift + count > 16 and shift:
        bits |= int64(mask[byte + 2]) << 16
    return bits >> shift


@kernel
def kept(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Y = or += x / share where the mask is 1, and 0 elsewhere."""
    x, xs, y, ys, positions, channels, dense, mask, portion, add = unpack(args, 10)
    x, y, mask, width = pointer(x, real), pointer(y, real), pointer(mask, uint8), lanes(real)
    portion = splat(real(real_number(portion)), real)
    first, last, start, count = rows(n, positions, channels, dense, width, part, parts)
    for row in range(first, last):
        a, b = at(x, start + row * xs), at(y, start + row * ys)
        value = start + row * channels
        for i in range(0, count, width):
            some = count - i
            result = _where(_bits(mask, value + i, min(some, width)), load_some(a, i, some) / portion)
            if add:
                result = result + load_some(b, i, some)
            store_some(b, i, result, some)
