"""Vectors: 64 bytes of float32 or float64 as one value within a kernel, 16 or 8 lanes.

LLVM maps them to what the processor has: one AVX-512 register, two of AVX2, four of NEON or SSE. So a kernel is written
once, and its padding (:data:`tatami.plan.tiling.VECTOR`) is the same on every machine.

    a = load(x, i)             # lanes x[i], x[i + 1], ...
    b = load_some(x, i, 5)     # five of them, the others 0
    store(y, i, fma(a, splat(w[0], real), b) + a * b)
"""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import PrimitiveModel
from numba.extending import intrinsic, overload, register_model

BYTES = 64

HAS_MASKS = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
"""Whether masked loads and stores are as fast as others. Elsewhere whole vectors are told apart from parts of them."""


class Vector(types.Type):
    """Numba's type of a vector of ``dtype``."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        self.lanes = BYTES * 8 // dtype.bitwidth
        super().__init__(name=f"Vector({dtype}x{self.lanes})")


@register_model(Vector)
class _VectorModel(PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, llvm_vector(fe_type))


def llvm_vector(vector: Vector) -> ir.VectorType:
    """The vector in LLVM."""
    scalar = ir.FloatType() if vector.dtype == types.float32 else ir.DoubleType()
    return ir.VectorType(scalar, vector.lanes)


def call_vector_intrinsic(builder: Any, name: str, vector: ir.VectorType, *values: Any) -> Any:
    """Call LLVM's intrinsic ``name`` that maps vectors to a vector."""
    letter = "f32" if isinstance(vector.element, ir.FloatType) else "f64"
    kind = ir.FunctionType(vector, [vector] * len(values))
    function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{vector.count}{letter}")
    return builder.call(function, values)


def splat_value(builder: Any, vector: ir.VectorType, scalar: Any) -> Any:
    """``scalar`` in each lane."""
    nothing = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(nothing, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(
        first, nothing, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    )


def first_lanes(builder: Any, vector: ir.VectorType, count: Any) -> Any:
    """The mask of the first ``count`` (int64) lanes."""
    wide = ir.VectorType(ir.IntType(32), vector.count)
    numbers = ir.Constant(wide, list(range(vector.count)))
    return builder.icmp_signed("<", numbers, splat_value(builder, wide, builder.trunc(count, ir.IntType(32))))


def load_masked(builder: Any, vector: ir.VectorType, address: Any, mask: Any) -> Any:
    """LLVM's masked load from a pointer to scalars, 0 elsewhere."""
    where = builder.bitcast(address, vector.as_pointer())
    letter, align = ("f32", 4) if isinstance(vector.element, ir.FloatType) else ("f64", 8)
    i32, flags = ir.IntType(32), ir.VectorType(ir.IntType(1), vector.count)
    kind = ir.FunctionType(vector, [where.type, i32, flags, vector])
    name = f"llvm.masked.load.v{vector.count}{letter}.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [where, ir.Constant(i32, align), mask, ir.Constant(vector, [0.0] * vector.count)])


def store_masked(builder: Any, vector: ir.VectorType, value: Any, address: Any, mask: Any) -> None:
    """LLVM's masked store to a pointer to scalars."""
    where = builder.bitcast(address, vector.as_pointer())
    letter, align = ("f32", 4) if isinstance(vector.element, ir.FloatType) else ("f64", 8)
    i32, flags = ir.IntType(32), ir.VectorType(ir.IntType(1), vector.count)
    kind = ir.FunctionType(ir.VoidType(), [vector, where.type, i32, flags])
    name = f"llvm.masked.store.v{vector.count}{letter}.p0"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [value, where, ir.Constant(i32, align), mask])


def load_plain(builder: Any, vector: ir.VectorType, address: Any) -> Any:
    """A load from a pointer to scalars, aligned as a scalar is."""
    value = builder.load(builder.bitcast(address, vector.as_pointer()))
    value.align = 4 if isinstance(vector.element, ir.FloatType) else 8
    return value


def store_plain(builder: Any, vector: ir.VectorType, value: Any, address: Any) -> None:
    """A store to a pointer to scalars, aligned as a scalar is."""
    done = builder.store(value, builder.bitcast(address, vector.as_pointer()))
    done.align = 4 if isinstance(vector.element, ir.FloatType) else 8


@intrinsic
def load(typingctx: Any, base: Any, index: Any) -> Any:
    """The vector from ``base[index]`` on."""
    vector = Vector(base.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return load_plain(builder, llvm_vector(vector), builder.gep(values[0], [values[1]]))

    return vector(base, types.int64), codegen


@intrinsic
def store(typingctx: Any, base: Any, index: Any, value: Any) -> Any:
    """Write a vector to ``base[index]`` and what follows."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        store_plain(builder, llvm_vector(value), values[2], builder.gep(values[0], [values[1]]))
        return context.get_dummy_value()

    return types.void(base, types.int64, value), codegen


@intrinsic
def load_some(typingctx: Any, base: Any, index: Any, count: Any) -> Any:
    """The first ``count`` lanes from ``base[index]`` on, the others 0; nothing behind them is touched."""
    vector = Vector(base.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, address = llvm_vector(vector), builder.gep(values[0], [values[1]])
        mask = first_lanes(builder, kind, values[2])
        if HAS_MASKS:
            return load_masked(builder, kind, address, mask)
        is_whole = builder.icmp_signed(">=", values[2], ir.Constant(ir.IntType(64), vector.lanes))
        with builder.if_else(is_whole) as (then, otherwise):
            with then:
                whole, after_whole = load_plain(builder, kind, address), builder.block
            with otherwise:
                some, after_some = load_masked(builder, kind, address, mask), builder.block
        result = builder.phi(kind)
        result.add_incoming(whole, after_whole)
        result.add_incoming(some, after_some)
        return result

    return vector(base, types.int64, types.int64), codegen


@intrinsic
def store_some(typingctx: Any, base: Any, index: Any, value: Any, count: Any) -> Any:
    """Write the first ``count`` lanes to ``base[index]`` and what follows."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind, address = llvm_vector(value), builder.gep(values[0], [values[1]])
        mask = first_lanes(builder, kind, values[3])
        if HAS_MASKS:
            store_masked(builder, kind, values[2], address, mask)
            return context.get_dummy_value()
        is_whole = builder.icmp_signed(">=", values[3], ir.Constant(ir.IntType(64), value.lanes))
        with builder.if_else(is_whole) as (then, otherwise):
            with then:
                store_plain(builder, kind, values[2], address)
            with otherwise:
                store_masked(builder, kind, values[2], address, mask)
        return context.get_dummy_value()

    return types.void(base, types.int64, value, types.int64), codegen


@intrinsic
def splat(typingctx: Any, scalar: Any, kind: Any) -> Any:
    """``scalar`` in each lane of a vector of ``kind`` (float32 or float64)."""
    vector = Vector(kind.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return splat_value(builder, llvm_vector(vector), values[0])

    return vector(kind.dtype, kind), codegen


@intrinsic
def lanes(typingctx: Any, kind: Any) -> Any:
    """How many lanes a vector of ``kind`` has: a type, or a pointer to its values."""
    size = Vector(kind.dtype).lanes

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(ir.IntType(64), size)

    return types.int64(kind), codegen


@intrinsic
def fma(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return call_vector_intrinsic(builder, "llvm.fma", llvm_vector(a), *values)

    return (a(a, b, c), codegen) if a == b == c and isinstance(a, Vector) else None


@intrinsic
def larger(typingctx: Any, a: Any, b: Any) -> Any:
    """The larger of each two lanes; NaN where ``b`` is NaN, as ``b > a`` or unordered takes b."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", values[0], values[1]), values[0], values[1])

    return a(a, b), codegen


@intrinsic
def smaller(typingctx: Any, a: Any, b: Any) -> Any:
    """The smaller of each two lanes; NaN where ``b`` is NaN."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", values[0], values[1]), values[0], values[1])

    return a(a, b), codegen


@intrinsic
def where_positive(typingctx: Any, a: Any, b: Any) -> Any:
    """``b`` in the lanes where ``a > 0``, and 0 elsewhere."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zero = ir.Constant(llvm_vector(a), [0.0] * a.lanes)
        return builder.select(builder.fcmp_ordered(">", values[0], zero), values[1], zero)

    return a(a, b), codegen


@intrinsic
def choose(typingctx: Any, a: Any, b: Any, yes: Any, no: Any) -> Any:
    """``yes`` in the lanes where ``a > b``, ``no`` elsewhere. All four are vectors."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", values[0], values[1]), values[2], values[3])

    return a(a, a, a, a), codegen


@intrinsic
def square_root(typingctx: Any, a: Any) -> Any:
    """The square root of each lane."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return call_vector_intrinsic(builder, "llvm.sqrt", llvm_vector(a), *values)

    return a(a), codegen


@intrinsic
def first(typingctx: Any, a: Any, count: Any) -> Any:
    """The first ``count`` lanes of ``a``, and 0 in the others."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = llvm_vector(a)
        zero = ir.Constant(vector, [0.0] * a.lanes)
        return builder.select(first_lanes(builder, vector, values[1]), values[0], zero)

    return a(a, types.int64), codegen


@intrinsic
def unit(typingctx: Any, index: Any, kind: Any) -> Any:
    """1 in the lane ``index``, if there is such a lane, and 0 in the others."""
    vector = Vector(kind.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        result, wide = llvm_vector(vector), ir.VectorType(ir.IntType(64), vector.lanes)
        numbers = ir.Constant(wide, list(range(vector.lanes)))
        flags = builder.icmp_signed("==", numbers, splat_value(builder, wide, values[0]))
        return builder.select(flags, *(ir.Constant(result, [one] * vector.lanes) for one in (1.0, 0.0)))

    return vector(types.int64, kind), codegen


def sum_of_lanes(builder: Any, value: Any, count: int) -> Any:
    """The sum of all ``count`` lanes, in a fixed order: halves folded onto one another."""
    while count > 1:
        half = count // 2
        index = ir.VectorType(ir.IntType(32), half)
        low = builder.shuffle_vector(value, value, ir.Constant(index, list(range(half))))
        high = builder.shuffle_vector(value, value, ir.Constant(index, list(range(half, count))))
        value, count = builder.fadd(low, high), half
    return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))


@intrinsic
def lane_sum(typingctx: Any, a: Any) -> Any:
    """The sum of all lanes, in a fixed order: halves folded onto one another."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return sum_of_lanes(builder, values[0], a.lanes)

    return a.dtype(a), codegen


@intrinsic
def lane_largest(typingctx: Any, a: Any) -> Any:
    """The largest of all lanes."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value, count = values[0], a.lanes
        while count > 1:
            half = count // 2
            index = ir.VectorType(ir.IntType(32), half)
            low = builder.shuffle_vector(value, value, ir.Constant(index, list(range(half))))
            high = builder.shuffle_vector(value, value, ir.Constant(index, list(range(half, count))))
            value, count = builder.select(builder.fcmp_ordered(">", low, high), low, high), half
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return a.dtype(a), codegen


def _binary(name: str) -> Any:
    @intrinsic
    def apply(typingctx: Any, a: Any, b: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return getattr(builder, name)(*values)

        return a(a, b), codegen

    return apply


_add, _sub, _mul, _div = (_binary(name) for name in ("fadd", "fsub", "fmul", "fdiv"))


def _both_vectors(a: Any, b: Any) -> bool:
    return isinstance(a, Vector) and a == b


@overload(operator.add)
def _vector_add(a: Any, b: Any) -> Any:
    def apply(a: Any, b: Any) -> Any:  # Numba wants the very annotations of the function around it
        return _add(a, b)

    return apply if _both_vectors(a, b) else None


@overload(operator.sub)
def _vector_sub(a: Any, b: Any) -> Any:
    def apply(a: Any, b: Any) -> Any:  # Numba wants the very annotations of the function around it
        return _sub(a, b)

    return apply if _both_vectors(a, b) else None


@overload(operator.mul)
def _vector_mul(a: Any, b: Any) -> Any:
    def apply(a: Any, b: Any) -> Any:  # Numba wants the very annotations of the function around it
        return _mul(a, b)

    return apply if _both_vectors(a, b) else None


@overload(operator.truediv)
def _vector_div(a: Any, b: Any) -> Any:
    def apply(a: Any, b: Any) -> Any:  # Numba wants the very annotations of the function around it
        return _div(a, b)

    return apply if _both_vectors(a, b) else None


@intrinsic
def zeros(typingctx: Any, kind: Any) -> Any:
    """A vector of zeros of ``kind``: a type, or a pointer to its values."""
    vector = Vector(kind.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return ir.Constant(llvm_vector(vector), [0.0] * vector.lanes)

    return vector(kind), codegen


def prefetched(builder: Any, address: Any) -> None:
    """Ask for a cache line that will be read; any address may be asked for."""
    byte, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, i32, i32, i32])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    # For reading, into the second cache, of data.
    builder.call(function, [builder.bitcast(address, byte), *(ir.Constant(i32, value) for value in (0, 2, 1))])


@intrinsic
def prefetch(typingctx: Any, base: Any, index: Any) -> Any:
    """Ask for the cache line of ``base[index]``, which will be read; any address may be asked for."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        prefetched(builder, builder.gep(values[0], [values[1]]))
        return context.get_dummy_value()

    return types.void(base, types.int64), codegen


@intrinsic
def transpose(typingctx: Any, a: Any, am: Any, b: Any, bm: Any, rows: Any, columns: Any) -> Any:
    """A square of lanes by lanes: b[j, i] = a[i, j] for i < ``rows`` and 0 beyond, j < ``columns``; a vector each row.

    Rows of a lie ``am`` elements apart, those of b ``bm``. Pairs of rows exchange halves, quarters, and so on.
    """
    vector, i64 = Vector(a.dtype), types.int64

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        a, am, b, bm, rows, columns = values
        kind, size = llvm_vector(vector), vector.lanes
        word, i32 = ir.IntType(64), ir.IntType(32)
        mask = first_lanes(builder, kind, columns)
        none = ir.Constant(mask.type, [0] * size)
        every = ir.Constant(mask.type, [1] * size)

        def number(i: int) -> ir.Constant:
            return ir.Constant(word, i)

        square = []
        for i in range(size):
            some = builder.select(builder.icmp_signed("<", number(i), rows), mask, none)
            square.append(load_masked(builder, kind, builder.gep(a, [builder.mul(am, number(i))]), some))
        step = size // 2
        while step:
            low = [j if not j & step else j - step + size for j in range(size)]
            high = [j + step if not j & step else j + size for j in range(size)]
            index = ir.VectorType(i32, size)
            for i in range(size):
                if not i & step:
                    one, two = square[i], square[i + step]
                    square[i] = builder.shuffle_vector(one, two, ir.Constant(index, low))
                    square[i + step] = builder.shuffle_vector(one, two, ir.Constant(index, high))
            step //= 2
        for j in range(size):
            all_or_none = builder.select(builder.icmp_signed("<", number(j), columns), every, none)
            store_masked(builder, kind, square[j], builder.gep(b, [builder.mul(bm, number(j))]), all_or_none)
        return context.get_dummy_value()

    return types.void(a, i64, b, i64, i64, i64), codegen


@intrinsic
def load_between(typingctx: Any, base: Any, index: Any, low: Any, high: Any) -> Any:
    """The lanes from number ``low`` up to ``high``, not included, of the vector from ``base[index]``; the others 0."""
    vector = Vector(base.dtype)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        base_, index_, low_, high_ = values
        kind = llvm_vector(vector)
        mask = builder.and_(builder.not_(first_lanes(builder, kind, low_)), first_lanes(builder, kind, high_))
        return load_masked(builder, kind, builder.gep(base_, [index_]), mask)

    return vector(base, types.int64, types.int64, types.int64), codegen
