"""Addresses within kernels: the arguments of a kernel unpacked, and pointers that are read and moved.

A kernel's arguments are one block of 64-bit words (see :mod:`tatami.engines.cpu.kernels`). Pointers count in elements.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

WORD = ir.IntType(64)


@intrinsic(prefer_literal=True)
def unpack(typingctx: Any, args: Any, count: Any) -> Any:
    """The first ``count`` (a literal) words of ``args``, as a tuple of int64."""
    if not isinstance(count, types.IntegerLiteral):
        return None
    size = count.literal_value
    result = types.UniTuple(types.int64, size)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base = values[0]
        words = [builder.load(builder.gep(base, [ir.Constant(WORD, i)])) for i in range(size)]
        return context.make_tuple(builder, result, words)

    return result(args, count), codegen


@intrinsic
def real_number(typingctx: Any, word: Any) -> Any:
    """The float64 whose bits an argument holds."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.DoubleType())

    return types.float64(types.int64), codegen


@intrinsic
def pointer(typingctx: Any, address: Any, kind: Any) -> Any:
    """A pointer to values of ``kind`` (float32, uint8, ...) at ``address``."""
    result = types.CPointer(kind.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(result))

    return result(types.int64, kind), codegen


@intrinsic
def at(typingctx: Any, base: Any, index: Any) -> Any:
    """The pointer ``index`` elements behind ``base``."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.gep(values[0], [values[1]])

    return base(base, types.int64), codegen


@intrinsic
def yield_processor(typingctx: Any) -> Any:
    """Let another thread have this core."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        function = cgutils.get_or_insert_function(builder.module, kind, "sched_yield")
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), codegen
