"""Winograd's transforms of one tile, 16 or 8 channels at once, unrolled into straight code on registers.

Y = A^T [(G g G^T) * (B^T d B)] A for F(m x m, r x r), * element by element (Lavin & Gray 2015, equation 8), and one
axis alone for signals. The five maps that the three passes need are given by the same three matrices:

    input    d (a x a)  ->  B^T d B      a = m + r - 1
    filter   g (r x r)  ->  G g G^T
    output   M (a x a)  ->  A^T M A
    gradient dY (m x m) ->  A dY A^T     the adjoint of ``output``
    weight   dU (a x a) ->  G^T dU G     the adjoint of ``filter``

The first two and ``gradient`` read a tile from a map and write a^2 values, one to each of the products' operands;
the others read those and write a tile. A ``form``, a literal, says what m and r are along each axis: see :data:`FORMS`.
Kernels are compiled for one form each: a network has few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tatami.engines.cpu.pointers import WORD
from tatami.engines.cpu.vector import (
    Vector,
    first_lanes,
    llvm_vector,
    load_masked,
    load_plain,
    store_masked,
    store_plain,
)
from tatami.engines.cpu.winograd_matrices import (
    Emitter,
    Matrix,
    filter_matrix,
    gradient_matrix,
    input_matrix,
    output_matrix,
    weight_matrix,
)
from tatami.plan.scratch.winograd import FORMS

Matrices = Callable[[int, int], Matrix]


def _pair(form: types.IntegerLiteral, matrices: Matrices) -> tuple[Matrix, Matrix]:
    """The matrices along both axes."""
    first, second = FORMS[form.literal_value]
    return matrices(*first), matrices(*second)


class _Places:
    """Pointers to the elements of a grid: base + i * row + j * column, few of them alive at once."""

    def __init__(self, builder: Any, base: Any, row: Any, column: Any) -> None:
        self.builder, self.base = builder, base
        self.row, self.column = row, column

    def at(self, i: int, j: int) -> Any:
        """The place of an element."""
        builder = self.builder
        start = builder.gep(self.base, [builder.mul(self.row, ir.Constant(WORD, i))]) if i else self.base
        return builder.gep(start, [builder.mul(self.column, ir.Constant(WORD, j))]) if j else start


def _transform(
    emitter: Emitter,
    matrices: tuple[Matrix, Matrix],
    read: Callable[[int, int], Any],
    write: Callable[[int, int, Any], None],
) -> None:
    """The product left * grid * right^T, row by row, then column by column; values are read and written when due."""
    left, right = matrices
    rows = [emitter.multiply(right, [read(i, j) for j in range(len(right[0]))]) for i in range(len(left[0]))]
    for j in range(len(right)):
        for i, value in enumerate(emitter.multiply(left, [row[j] for row in rows])):
            write(i, j, value)


class _Edges:
    """Which rows and columns of a tile exist: first, last + 1 along each axis."""

    def __init__(self, builder: Any, bounds: tuple[Any, Any, Any, Any], size: tuple[int, int]) -> None:
        self.builder, self.bounds, self.size = builder, bounds, size

    def are_all(self) -> Any:
        """Whether all do."""
        builder, (top, bottom, left, right) = self.builder, self.bounds
        zero, rows, columns = (ir.Constant(WORD, size) for size in (0, *self.size))
        above, below = builder.icmp_signed("<=", top, zero), builder.icmp_signed(">=", bottom, rows)
        before, behind = builder.icmp_signed("<=", left, zero), builder.icmp_signed(">=", right, columns)
        return builder.and_(builder.and_(above, below), builder.and_(before, behind))

    def masks(self, vector: ir.VectorType, count: Any) -> Callable[[int, int], Any]:
        """The mask of the vector at (i, j): its first ``count`` lanes, if it exists."""
        builder, bits = self.builder, ir.IntType(vector.count)
        lanes = builder.bitcast(first_lanes(builder, vector, count), bits)

        def exists(i: int, first: Any, last: Any) -> Any:
            number = ir.Constant(WORD, i)
            inside = builder.and_(builder.icmp_signed("<=", first, number), builder.icmp_signed("<", number, last))
            return builder.sext(inside, bits)

        top, bottom, left, right = self.bounds
        rows = [exists(i, top, bottom) for i in range(self.size[0])]
        columns = [builder.and_(lanes, exists(j, left, right)) for j in range(self.size[1])]
        wide = ir.VectorType(ir.IntType(1), vector.count)
        return lambda i, j: builder.bitcast(builder.and_(rows[i], columns[j]), wide)


def _each_vector(
    builder: Any, vector: ir.VectorType, plain: Any, count: Any, total: Any, write: Callable[[Any, bool], None]
) -> None:
    """Code for the vectors of channels 0 to ``total``, of which ``count`` exist.

    ``write(channel, True)`` writes that of whole vectors, used if ``plain``; the others take that of
    ``write(channel, False)``.
    """
    size, zero = ir.Constant(WORD, vector.count), ir.Constant(WORD, 0)
    some = builder.select(builder.icmp_signed("<", count, total), count, total)
    whole = builder.select(plain, builder.and_(some, ir.Constant(WORD, -vector.count)), zero)
    with cgutils.for_range_slice(builder, zero, whole, size, WORD) as (channel, _):
        write(channel, True)
    rest = builder.icmp_signed("<", whole, total)
    with builder.if_then(rest), cgutils.for_range_slice(builder, whole, total, size, WORD) as (channel, _):
        write(channel, False)


def _reader(matrices: Matrices) -> Any:
    """An intrinsic that transforms a tile of a map into operands of the products."""

    @intrinsic(prefer_literal=True)
    def transform(
        typingctx: Any,
        form: Any,
        source: Any,
        row: Any,
        column: Any,
        top: Any,
        bottom: Any,
        left: Any,
        right: Any,
        count: Any,
        total: Any,
        target: Any,
        step: Any,
        spread: Any,
    ) -> Any:
        """Read source[i * row + j * column + c] and write the operand of product p to target[p * step + c * spread].

        Rows top <= i < bottom, columns left <= j < right and channels c < count exist, the others are 0. Operands are
        written for c < total, rounded up to vectors, which ``spread`` moves apart as wholes.
        """
        if not isinstance(form, types.IntegerLiteral):
            return None
        i64, pair = types.int64, _pair(form, matrices)
        signature = types.void(form, source, i64, i64, i64, i64, i64, i64, i64, i64, source, i64, i64)
        vector = llvm_vector(Vector(source.dtype))

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _, source, row, column, top, bottom, left, right, count, total, target, step, spread = values

            edges = _Edges(builder, (top, bottom, left, right), (len(pair[0][0]), len(pair[1][0])))

            def one(channel: Any, plain: bool) -> None:
                here = _Places(builder, builder.gep(source, [channel]), row, column)
                across = builder.mul(step, ir.Constant(WORD, len(pair[1])))
                there = _Places(builder, builder.gep(target, [builder.mul(channel, spread)]), step, across)
                mask = None if plain else edges.masks(vector, builder.sub(count, channel))

                def read(i: int, j: int) -> Any:
                    if mask is None:
                        return load_plain(builder, vector, here.at(i, j))
                    return load_masked(builder, vector, here.at(i, j), mask(i, j))

                _transform(
                    Emitter(builder, vector),
                    pair,
                    read,
                    lambda i, j, value: store_plain(builder, vector, value, there.at(j, i)),
                )

            _each_vector(builder, vector, edges.are_all(), count, total, one)

            return context.get_dummy_value()

        return signature, codegen

    return transform


def _writer(matrices: Matrices) -> Any:
    """An intrinsic that transforms the products into a tile of a map."""

    @intrinsic(prefer_literal=True)
    def transform(
        typingctx: Any,
        form: Any,
        source: Any,
        step: Any,
        bias: Any,
        biased: Any,
        slope: Any,
        cap: Any,
        add: Any,
        target: Any,
        row: Any,
        column: Any,
        bottom: Any,
        right: Any,
        count: Any,
    ) -> Any:
        """Read product p from source[p * step + c], write bend(result + bias[c]) to target[i * row + j * column + c].

        Rows i < bottom, columns j < right and channels c < count exist. There is a bias if ``biased``; with ``add`` the
        result is added to what is there. The bend costs nothing: memory is what the transform waits for.
        """
        if not isinstance(form, types.IntegerLiteral):
            return None
        i64, flag, pair = types.int64, types.boolean, _pair(form, matrices)
        vector_type = Vector(source.dtype)
        signature = types.void(
            form, source, i64, source, flag, vector_type, vector_type, flag, source, i64, i64, i64, i64, i64
        )
        vector = llvm_vector(vector_type)

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _, source, step, bias, biased, slope, cap, add, target, row, column, bottom, right, count = values
            zero, none = ir.Constant(vector, [0.0] * vector.count), ir.Constant(WORD, 0)
            nowhere = ir.Constant(ir.VectorType(ir.IntType(1), vector.count), [0] * vector.count)

            def bend(value: Any) -> Any:
                lower = builder.select(builder.fcmp_unordered(">", value, zero), value, builder.fmul(value, slope))
                return builder.select(builder.fcmp_ordered(">", lower, cap), cap, lower)

            edges = _Edges(builder, (none, bottom, none, right), (len(pair[0]), len(pair[1])))

            def one(channel: Any, plain: bool) -> None:
                across = builder.mul(step, ir.Constant(WORD, len(pair[1][0])))
                here = _Places(builder, builder.gep(source, [channel]), across, step)
                there = _Places(builder, builder.gep(target, [channel]), row, column)
                lanes = builder.select(biased, builder.sub(count, channel), none)
                shift = load_masked(builder, vector, builder.gep(bias, [channel]), first_lanes(builder, vector, lanes))
                mask = None if plain else edges.masks(vector, builder.sub(count, channel))

                def store(i: int, j: int, value: Any) -> None:
                    place, value = there.at(i, j), builder.fadd(value, shift)
                    if mask is None:
                        store_plain(builder, vector, bend(value), place)
                        return
                    here_ = mask(i, j)
                    old = load_masked(builder, vector, place, builder.select(add, here_, nowhere))
                    store_masked(builder, vector, builder.fadd(bend(value), old), place, here_)

                _transform(
                    Emitter(builder, vector), pair, lambda i, j: load_plain(builder, vector, here.at(i, j)), store
                )

            plain = builder.and_(edges.are_all(), builder.not_(add))
            _each_vector(builder, vector, plain, count, count, one)

            return context.get_dummy_value()

        return signature, codegen

    return transform


input_tile, filter_tile, gradient_tile = _reader(input_matrix), _reader(filter_matrix), _reader(gradient_matrix)
output_tile, weight_tile = _writer(output_matrix), _writer(weight_matrix)


@intrinsic
def turn_tile(typingctx: Any, source: Any, stride: Any, rows: Any, count: Any, target: Any, step: Any) -> Any:
    """Transpose a square as wide as a vector: source[r * stride + l] to target[l * step + r].

    Only ``rows`` rows and ``count`` lanes are read, the other rows are 0, and only ``count`` columns are written.
    """
    i64 = types.int64
    vector = llvm_vector(Vector(source.dtype))

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        source, stride, rows, count, target, step = values
        size = vector.count
        bounds = (ir.Constant(WORD, 0), rows, ir.Constant(WORD, 0), ir.Constant(WORD, 1))
        mask = _Edges(builder, bounds, (size, 1)).masks(vector, count)
        here = _Places(builder, source, stride, stride)
        vectors = [load_masked(builder, vector, here.at(r, 0), mask(r, 0)) for r in range(size)]
        index = ir.VectorType(ir.IntType(32), size)
        # Swap the off-diagonal blocks of halves, quarters, ...: after the last step rows are columns.
        half = size // 2
        while half:
            low = [l if not l & half else size + l - half for l in range(size)]
            high = [l + half if not l & half else size + l for l in range(size)]
            for r in range(size):
                if not r & half:
                    a, b = vectors[r], vectors[r + half]
                    vectors[r] = builder.shuffle_vector(a, b, ir.Constant(index, low))
                    vectors[r + half] = builder.shuffle_vector(a, b, ir.Constant(index, high))
            half //= 2
        every = ir.Constant(ir.VectorType(ir.IntType(1), size), [1] * size)
        none = ir.Constant(ir.VectorType(ir.IntType(1), size), [0] * size)
        for l, value in enumerate(vectors):
            here = builder.select(builder.icmp_signed("<", ir.Constant(WORD, l), count), every, none)
            store_masked(builder, vector, value, builder.gep(target, [builder.mul(step, ir.Constant(WORD, l))]), here)
        return context.get_dummy_value()

    return types.void(source, i64, i64, i64, source, i64), codegen
