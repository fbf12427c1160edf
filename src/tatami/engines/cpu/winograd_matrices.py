"""Winograd's matrices for F(m, 3), and how few instructions multiply by them.

B^T, G and A^T of Lavin & Gray 2015, sections 4.1 and 4.3, by m; m = 1 stands for an axis that is not transformed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from tatami.engines.cpu.vector import call_vector_intrinsic

Matrix = tuple[tuple[float, ...], ...]
Values = list[Any]

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
