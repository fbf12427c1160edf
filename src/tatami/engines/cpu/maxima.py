"""Maxima of vectors, lane by lane, and the places where they were found.

Places are whole numbers: in vectors of the dtype while maxima are sought, in memory bytes or pairs of bytes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tatami.engines.cpu.vector import first_lanes, llvm_vector, splat_value


def _call_masked(builder: Any, name: str, numbers: ir.VectorType, result: Any, *values: Any) -> Any:
    kind = ir.FunctionType(result, [value.type for value in values])
    name = f"llvm.masked.{name}.v{numbers.count}i{numbers.element.width}.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)


def load_places(builder: Any, address: Any, lanes: int, mask: Any) -> Any:
    """The places from an address on, 0 where the mask is not set; all without a mask."""
    numbers = ir.VectorType(address.type.pointee, lanes)
    where = builder.bitcast(address, numbers.as_pointer())
    if mask is not None:
        align, nothing = ir.Constant(ir.IntType(32), 1), ir.Constant(numbers, [0] * lanes)
        return _call_masked(builder, "load", numbers, numbers, where, align, mask, nothing)
    value = builder.load(where)
    value.align = 1
    return value


def store_places_of(builder: Any, value: Any, address: Any, mask: Any) -> None:
    """Write lanes that are whole numbers as places; all without a mask."""
    lanes = value.type.count
    numbers, i32 = ir.VectorType(address.type.pointee, lanes), ir.IntType(32)
    whole = builder.trunc(builder.fptosi(value, ir.VectorType(i32, lanes)), numbers)
    where = builder.bitcast(address, numbers.as_pointer())
    if mask is not None:
        _call_masked(builder, "store", numbers, ir.VoidType(), whole, where, ir.Constant(i32, 1), mask)
    else:
        builder.store(whole, where).align = 1


def wins(builder: Any, value: Any, best: Any) -> Any:
    """The mask of the lanes where ``value > best`` or is NaN: so NaN wins, and stays."""
    larger, is_nan = builder.fcmp_ordered(">", value, best), builder.fcmp_unordered("uno", value, value)
    return builder.or_(larger, is_nan)


@intrinsic
def where_wins(typingctx: Any, value: Any, best: Any, yes: Any, no: Any) -> Any:
    """``yes`` in the lanes where :func:`wins`, ``no`` elsewhere."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value_, best_, yes_, no_ = values
        return builder.select(wins(builder, value_, best_), yes_, no_)

    return value(value, value, value, value), codegen


@intrinsic
def store_places(typingctx: Any, places: Any, index: Any, value: Any, count: Any) -> Any:
    """Write the first ``count`` lanes of ``value`` to ``places[index]`` and what follows."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base, index_, value_, count_ = values
        mask = first_lanes(builder, llvm_vector(value), count_)
        store_places_of(builder, value_, builder.gep(base, [index_]), mask)
        return context.get_dummy_value()

    return types.void(places, types.int64, value, types.int64), codegen


@intrinsic
def where_place(typingctx: Any, places: Any, index: Any, number: Any, value: Any, count: Any) -> Any:
    """``value`` in those of the first ``count`` lanes whose place, from ``places[index]`` on, is ``number``; else 0."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base, index_, number_, value_, count_ = values
        vector = llvm_vector(value)
        mask = first_lanes(builder, vector, count_)
        found = load_places(builder, builder.gep(base, [index_]), value.lanes, mask)
        wanted = splat_value(builder, found.type, builder.trunc(number_, found.type.element))
        zero = ir.Constant(vector, [0.0] * value.lanes)
        return builder.select(builder.icmp_signed("==", found, wanted), value_, zero)

    return value(places, types.int64, types.int64, value, types.int64), codegen
