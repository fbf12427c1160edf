"""Winograd's matrices for F(m, r), and how few instructions multiply by them.

B^T, G and A^T of Lavin & Gray 2015, section 4, as the method of Toom and Cook gives them: outputs and filters are
evaluated at m + r - 2 points and at infinity, the last row. F(1, 1) stands for an axis that is not transformed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from llvmlite import ir

from tatami.engines.cpu.vector import call_vector_intrinsic

Matrix = tuple[tuple[float, ...], ...]
Values = list[Any]

# Finite points, by their number. Pairs p and -p save instructions, small powers of 2 keep the errors small: in float32
# those of F(4, 5) along both axes are 1e-5 of the largest output.
POINTS: dict[int, tuple[Fraction, ...]] = {
    count: tuple(map(Fraction, points.split()))
    for count, points in (
        (0, ""),
        (3, "0 1 -1"),
        (5, "0 1 -1 2 -2"),
        (6, "0 1 -1 1/2 -1/2 2"),
        (7, "0 1 -1 2 -2 1/2 -1/2"),
    )
}


def _product(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of the product of all x - root, from x^0 on."""
    result = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *result], [*result, Fraction(0)]
        result = [a - root * b for a, b in zip(shifted, scaled, strict=True)]
    return result


def _floats(rows: Iterable[Iterable[Fraction | int]]) -> Matrix:
    return tuple(tuple(float(value) for value in row) for row in rows)


@cache
def input_matrix(m: int, r: int) -> Matrix:
    """B^T: row p has the coefficients of the product of x - q over the finite points q but p."""
    points = POINTS[m + r - 2]
    rows = [[*_product([q for q in points if q != p]), Fraction(0)] for p in points]
    return _floats([*rows, _product(points)])


@cache
def filter_matrix(m: int, r: int) -> Matrix:
    """G: row p has the powers of p over the product of p - q."""
    points = POINTS[m + r - 2]
    scales = [math.prod(p - q for q in points if q != p) for p in points]
    rows = [[p**j / scale for j in range(r)] for p, scale in zip(points, scales, strict=True)]
    return _floats([*rows, [int(j == r - 1) for j in range(r)]])


@cache
def output_matrix(m: int, r: int) -> Matrix:
    """A^T: row i has the i-th powers of the points."""
    points = POINTS[m + r - 2]
    return _floats([*(p**i for p in points), int(i == m - 1)] for i in range(m))


def gradient_matrix(m: int, r: int) -> Matrix:
    """A."""
    return tuple(zip(*output_matrix(m, r), strict=True))


def weight_matrix(m: int, r: int) -> Matrix:
    """G^T."""
    return tuple(zip(*filter_matrix(m, r), strict=True))


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
