"""Maxima of vectors and the places where they were found, lane by lane: places are whole numbers in lanes of the dtype,
and bytes, or pairs of them, in memory."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tatami.engines.cpu.vector import first_lanes, llvm_vector, splat_value


@intrinsic
def where_wins(typingctx: Any, value: Any, best: Any, yes: Any, no: Any) -> Any:
    """``yes`` in the lanes where ``value > best`` or is NaN, ``no`` elsewhere: so NaN wins, and stays."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value_, best_, yes_, no_ = values
        larger, is_nan = builder.fcmp_ordered(">", value_, best_), builder.fcmp_unordered("uno", value_, value_)
        return builder.select(builder.or_(larger, is_nan), yes_, no_)

    return value(value, value, value, value), codegen


def _numbers(places: Any, lanes: int) -> ir.VectorType:
    return ir.VectorType(ir.IntType(places.dtype.bitwidth), lanes)


def _masked(builder: Any, name: str, numbers: ir.VectorType, result: Any, *values: Any) -> Any:
    bits = numbers.element.width
    kind = ir.FunctionType(result, [value.type for value in values])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.masked.{name}.v{numbers.count}i{bits}.p0")
    return builder.call(function, values)


@intrinsic
def store_places(typingctx: Any, places: Any, index: Any, value: Any, count: Any) -> Any:
    """Write the first ``count`` lanes of ``value`` to ``places[index]`` and what follows; all, if there are no more."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base, index_, value_, count_ = values
        lanes = value.lanes
        numbers, i32 = _numbers(places, lanes), ir.IntType(32)
        whole = builder.trunc(builder.fptosi(value_, ir.VectorType(i32, lanes)), numbers)
        where = builder.bitcast(builder.gep(base, [index_]), numbers.as_pointer())
        with builder.if_else(builder.icmp_signed("<", count_, ir.Constant(count_.type, lanes))) as (some, every):
            with some:
                mask = first_lanes(builder, llvm_vector(value), count_)
                _masked(builder, "store", numbers, ir.VoidType(), whole, where, ir.Constant(i32, 1), mask)
            with every:
                builder.store(whole, where).align = 1
        return context.get_dummy_value()

    return types.void(places, types.int64, value, types.int64), codegen


@intrinsic
def where_place(typingctx: Any, places: Any, index: Any, number: Any, value: Any, count: Any) -> Any:
    """``value`` in those of the first ``count`` lanes where the place at ``places[index]`` on is ``number``, 0 elsewhere."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base, index_, number_, value_, count_ = values
        vector, lanes = llvm_vector(value), value.lanes
        numbers, i32 = _numbers(places, lanes), ir.IntType(32)
        where = builder.bitcast(builder.gep(base, [index_]), numbers.as_pointer())
        with builder.if_else(builder.icmp_signed("<", count_, ir.Constant(count_.type, lanes))) as (some, every):
            with some:
                mask = first_lanes(builder, vector, count_)
                nothing = ir.Constant(numbers, [0] * lanes)
                few = _masked(builder, "load", numbers, numbers, where, ir.Constant(i32, 1), mask, nothing)
                few_from = builder.block
            with every:
                all_ = builder.load(where)
                all_.align = 1
                all_from = builder.block
        found = builder.phi(numbers)
        found.add_incoming(few, few_from)
        found.add_incoming(all_, all_from)
        wanted = splat_value(builder, numbers, builder.trunc(number_, numbers.element))
        return builder.select(builder.icmp_signed("==", found, wanted), value_, ir.Constant(vector, [0.0] * lanes))

    return value(places, types.int64, types.int64, value, types.int64), codegen
