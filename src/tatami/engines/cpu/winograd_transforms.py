"""Winograd's transforms of one tile, 16 or 8 channels at once, unrolled into straight code on registers.

Y = A^T [(G g G^T) * (B^T d B)] A for F(m x m, 3 x 3), * element by element (Lavin & Gray 2015, equation 8), and one
axis alone for signals. The five maps that the three passes need are given by the same three matrices:

    input    d (a x a)  ->  B^T d B      a = m + 2
    filter   g (3 x 3)  ->  G g G^T
    output   M (a x a)  ->  A^T M A
    gradient dY (m x m) ->  A dY A^T     the adjoint of ``output``
    weight   dU (a x a) ->  G^T dU G     the adjoint of ``filter``

The first two and ``gradient`` read a tile from a map and write a^2 values, one to each of the products' operands;
the others read those and write a tile. A ``form`` says what m is along each axis: see :data:`FORMS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tatami.engines.cpu.pointers import WORD
from tatami.engines.cpu.vector import (
    Vector,
    call_vector_intrinsic,
    first_lanes,
    llvm_vector,
    load_masked,
    load_plain,
    store_masked,
    store_plain,
)
from tatami.plan.scratch.winograd import FORMS

Matrix = tuple[tuple[float, ...], ...]
Values = list[Any]

# By m; Lavin & Gray 2015, sections 4.1 and 4.3. m = 1 stands for an axis that is not transformed.
INPUT: dict[int, Matrix] = {
    1: ((1,),),
    2: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    4: (
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
}
FILTER: dict[int, Matrix] = {
    1: ((1,),),
    2: ((1, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 2, -1 / 2, 1 / 2), (0, 0, 1)),
    4: (
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
}
OUTPUT: dict[int, Matrix] = {
    1: ((1,),),
    2: ((1, 1, 1, 0), (0, 1, -1, -1)),
    4: ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
}


def _transposed(matrices: dict[int, Matrix]) -> dict[int, Matrix]:
    return {m: tuple(zip(*matrix, strict=True)) for m, matrix in matrices.items()}


GRADIENT, WEIGHT = _transposed(OUTPUT), _transposed(FILTER)


class Emitter:
    """Writes linear maps of vectors as LLVM instructions, few of them.

    Winograd's rows come in pairs that differ in the sign of every other coefficient, as their points do (p and -p):
    a pair costs one even and one odd part, a sum and a difference.
    """

    def __init__(self, builder: Any, vector: ir.VectorType) -> None:
        self.builder = builder
        self.vector = vector

    def constant(self, value: float) -> ir.Constant:
        return ir.Constant(self.vector, [float(value)] * self.vector.count)

    def fma(self, factor: float, x: Any, y: Any) -> Any:
        """Factor * x + y."""
        if factor == 1:
            return self.builder.fadd(y, x)
        if factor == -1:
            return self.builder.fsub(y, x)
        return call_vector_intrinsic(self.builder, "llvm.fma", self.vector, self.constant(factor), x, y)

    def combine(self, terms: Sequence[tuple[float, Any]]) -> Any:
        """The sum of coefficient * value."""
        first, *others = sorted((term for term in terms if term[0]), key=lambda term: term[0] != 1)
        total = first[1] if first[0] == 1 else self.builder.fmul(self.constant(first[0]), first[1])
        for factor, value in others:
            total = self.fma(factor, value, total)
        return total

    def multiply(self, matrix: Matrix, values: Values) -> Values:
        """Matrix times a column of vectors."""
        if len(matrix) < len(values):
            return self._by_columns(matrix, values)
        result: Values = [None] * len(matrix)
        for i, row in enumerate(matrix):
            if result[i] is not None:
                continue
            mirrored = tuple(-c if s % 2 else c for s, c in enumerate(row))
            partner = next((j for j in range(i + 1, len(matrix)) if matrix[j] == mirrored), None)
            if partner is None:
                result[i] = self.combine(list(zip(row, values, strict=True)))
                continue
            even = self.combine([(c, v) for s, (c, v) in enumerate(zip(row, values, strict=True)) if s % 2 == 0])
            factor = next(c for s, c in enumerate(row) if c and s % 2)
            odd = self.combine([(c / factor, v) for s, (c, v) in enumerate(zip(row, values, strict=True)) if s % 2])
            result[i], result[partner] = self.fma(factor, odd, even), self.fma(-factor, odd, even)
        return result

    def _by_columns(self, matrix: Matrix, values: Values) -> Values:
        """As the transposed matrix's rows come in pairs, so do the columns: sum and difference of two values."""
        columns = list(zip(*matrix, strict=True))
        terms: list[list[tuple[float, Any]]] = [[] for _ in matrix]
        done: set[int] = set()
        for j, column in enumerate(columns):
            if j in done:
                continue
            mirrored = tuple(-c if r % 2 else c for r, c in enumerate(column))
            partner = next((k for k in range(j + 1, len(columns)) if columns[k] == mirrored), None)
            if partner is None:
                parts = (values[j], values[j])
            else:
                done.add(partner)
                both = values[j], values[partner]
                parts = (self.builder.fadd(*both), self.builder.fsub(*both))
            for r, c in enumerate(column):
                terms[r].append((c, parts[r % 2]))
        return [self.combine(row) for row in terms]

    def sandwich(self, left: Matrix, right: Matrix, grid: list[Values]) -> list[Values]:
        """The product left * grid * right^T."""
        columns = [self.multiply(left, list(column)) for column in zip(*grid, strict=True)]
        return [self.multiply(right, list(row)) for row in zip(*columns, strict=True)]


def _each_form(builder: Any, form: Any, write: Callable[[int, int], None]) -> None:
    """Branch to the code that ``write(m_h, m_w)`` writes for the form at hand."""
    end = builder.append_basic_block("form.end")
    blocks = [builder.append_basic_block(f"form.{m_h}x{m_w}") for m_h, m_w in FORMS]
    choice = builder.switch(form, blocks[0])
    for i, (block, (m_h, m_w)) in enumerate(zip(blocks, FORMS, strict=True)):
        if i:
            choice.add_case(ir.Constant(WORD, i), block)
        builder.position_at_end(block)
        write(m_h, m_w)
        builder.branch(end)
    builder.position_at_end(end)


class _Tile:
    """The vectors of a tile in a map, of which some rows, columns and lanes exist."""

    def __init__(
        self, emitter: Emitter, base: Any, strides: Any, bounds: Any, count: Any, size: tuple[int, int]
    ) -> None:
        self.emitter, self.base, self.count, self.size = emitter, base, count, size
        self.strides = strides
        self.bounds = bounds  # first row, last row + 1, first column, last column + 1

    def place(self, i: int, j: int) -> Any:
        builder, (row, column) = self.emitter.builder, self.strides
        offset = builder.add(builder.mul(row, ir.Constant(WORD, i)), builder.mul(column, ir.Constant(WORD, j)))
        return builder.gep(self.base, [offset])

    def is_whole(self) -> Any:
        builder, (top, bottom, left, right) = self.emitter.builder, self.bounds
        rows, columns = (ir.Constant(WORD, size) for size in self.size)
        lanes = ir.Constant(WORD, self.emitter.vector.count)
        tests = [builder.icmp_signed("<=", first, ir.Constant(WORD, 0)) for first in (top, left)]
        tests += [
            builder.icmp_signed(">=", last, size)
            for last, size in ((bottom, rows), (right, columns), (self.count, lanes))
        ]
        whole = tests[0]
        for test in tests[1:]:
            whole = builder.and_(whole, test)
        return whole

    def masks(self) -> Callable[[int, int], Any]:
        """The mask of the vector at (i, j): its lanes, if it is within the map."""
        builder, vector = self.emitter.builder, self.emitter.vector
        bits = ir.IntType(vector.count)
        lanes = builder.bitcast(first_lanes(builder, vector, self.count), bits)

        def within(i: int, first: Any, last: Any) -> Any:
            number = ir.Constant(WORD, i)
            ok = builder.and_(builder.icmp_signed("<=", first, number), builder.icmp_signed("<", number, last))
            return builder.sext(ok, bits)

        top, bottom, left, right = self.bounds
        rows = [builder.and_(lanes, within(i, top, bottom)) for i in range(self.size[0])]
        columns = [within(j, left, right) for j in range(self.size[1])]
        wide = ir.VectorType(ir.IntType(1), vector.count)
        return lambda i, j: builder.bitcast(builder.and_(rows[i], columns[j]), wide)

    def each(self) -> list[tuple[int, int]]:
        return [(i, j) for i in range(self.size[0]) for j in range(self.size[1])]


def _reader(matrices: dict[int, Matrix]) -> Any:
    """An intrinsic that transforms a tile of a map into operands of the products."""

    @intrinsic
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
        target: Any,
        step: Any,
    ) -> Any:
        """Read source[i * row + j * column ...] and write the operand of product p to target[p * step ...].

        Rows top <= i < bottom, columns left <= j < right and ``count`` lanes exist; the others are 0.
        """
        i64 = types.int64
        signature = types.void(i64, source, i64, i64, i64, i64, i64, i64, i64, source, i64)
        vector = llvm_vector(Vector(source.dtype))

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            form, source, row, column, top, bottom, left, right, count, target, step = values
            emitter = Emitter(builder, vector)

            def write(m_h: int, m_w: int) -> None:
                left_matrix, right_matrix = matrices[m_h], matrices[m_w]
                size = len(left_matrix[0]), len(right_matrix[0])
                tile = _Tile(emitter, source, (row, column), (top, bottom, left, right), count, size)

                def finish(read: Callable[[int, int], Any]) -> None:
                    grid = [[read(i, j) for j in range(size[1])] for i in range(size[0])]
                    result = emitter.sandwich(left_matrix, right_matrix, grid)
                    for p, value in enumerate(value for row_ in result for value in row_):
                        store_plain(
                            builder, vector, value, builder.gep(target, [builder.mul(step, ir.Constant(WORD, p))])
                        )

                with builder.if_else(tile.is_whole(), likely=None) as (whole, partial):
                    with whole:
                        finish(lambda i, j: load_plain(builder, vector, tile.place(i, j)))
                    with partial:
                        mask = tile.masks()
                        finish(lambda i, j: load_masked(builder, vector, tile.place(i, j), mask(i, j)))

            _each_form(builder, form, write)
            return context.get_dummy_value()

        return signature, codegen

    return transform


def _writer(matrices: dict[int, Matrix]) -> Any:
    """An intrinsic that transforms the products into a tile of a map."""

    @intrinsic
    def transform(
        typingctx: Any,
        form: Any,
        source: Any,
        step: Any,
        bias: Any,
        slope: Any,
        cap: Any,
        bent: Any,
        add: Any,
        target: Any,
        row: Any,
        column: Any,
        bottom: Any,
        right: Any,
        count: Any,
    ) -> Any:
        """Read product p from source[p * step ...] and write bend(result + bias) to target[i * row + j * column ...].

        Rows i < bottom, columns j < right and ``count`` lanes exist; with ``add`` it is added to what is there.
        """
        i64 = types.int64
        signature = types.void(
            i64, source, i64, bias, bias, bias, types.boolean, types.boolean, source, i64, i64, i64, i64, i64
        )
        vector = llvm_vector(Vector(source.dtype))

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            form, source, step, bias, slope, cap, bent, add, target, row, column, bottom, right, count = values
            emitter = Emitter(builder, vector)
            zero = ir.Constant(vector, [0.0] * vector.count)

            def bend(value: Any) -> Any:
                lower = builder.select(builder.fcmp_unordered(">", value, zero), value, builder.fmul(value, slope))
                return builder.select(builder.fcmp_ordered(">", lower, cap), cap, lower)

            def write(m_h: int, m_w: int) -> None:
                left_matrix, right_matrix = matrices[m_h], matrices[m_w]
                size = len(left_matrix), len(right_matrix)
                heights, widths = len(left_matrix[0]), len(right_matrix[0])
                none = ir.Constant(WORD, 0)
                tile = _Tile(emitter, target, (row, column), (none, bottom, none, right), count, size)

                def result() -> list[tuple[int, int, Any]]:
                    grid = [
                        [
                            load_plain(
                                builder,
                                vector,
                                builder.gep(source, [builder.mul(step, ir.Constant(WORD, i * widths + j))]),
                            )
                            for j in range(widths)
                        ]
                        for i in range(heights)
                    ]
                    rows = emitter.sandwich(left_matrix, right_matrix, grid)
                    return [(i, j, builder.fadd(rows[i][j], bias)) for i, j in tile.each()]

                plain = builder.and_(tile.is_whole(), builder.not_(add))
                with builder.if_else(plain) as (whole, partial):
                    with whole, builder.if_else(bent) as (curved, straight):
                        with curved:
                            for i, j, value in result():
                                store_plain(builder, vector, bend(value), tile.place(i, j))
                        with straight:
                            for i, j, value in result():
                                store_plain(builder, vector, value, tile.place(i, j))
                    with partial:
                        mask = tile.masks()
                        for i, j, value in result():
                            old = builder.select(add, load_masked(builder, vector, tile.place(i, j), mask(i, j)), zero)
                            store_masked(builder, vector, builder.fadd(old, bend(value)), tile.place(i, j), mask(i, j))

            _each_form(builder, form, write)
            return context.get_dummy_value()

        return signature, codegen

    return transform


input_tile, filter_tile, gradient_tile = _reader(INPUT), _reader(FILTER), _reader(GRADIENT)
output_tile, weight_tile = _writer(OUTPUT), _writer(WEIGHT)


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
        tile = _Tile(Emitter(builder, vector), source, (stride, ir.Constant(WORD, 0)), bounds, count, (size, 1))
        mask = tile.masks()
        vectors = [load_masked(builder, vector, tile.place(r, 0), mask(r, 0)) for r in range(size)]
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
