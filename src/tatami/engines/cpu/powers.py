"""b^-beta of vectors of positive numbers: by the inverse fourth root for 1/2 and 3/4, otherwise by exp and log."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from tatami.engines.cpu.curves import constant, exponential, polynomial
from tatami.engines.cpu.vector import fma, llvm_vector

HALF, THREE_QUARTERS, OTHER = 0, 1, 2
"""Kinds of beta."""


def kind_of(beta: float) -> int:
    """The kind of an exponent."""
    return {0.5: HALF, 0.75: THREE_QUARTERS}.get(beta, OTHER)


_one, _minus_one, _half, _sqrt2 = (constant(value) for value in (1.0, -1.0, 0.5, math.sqrt(2)))
# (1 - r)^(-1/4) = 1 + r/4 + 5 r^2/32 + 15 r^3/128 + 195 r^4/2048 + ..., less 1 and divided by r
_root_series = polynomial(lambda double: [1 / 4, 5 / 32, 15 / 128])
_root_end = polynomial(lambda double: [1 / 4, 5 / 32, 15 / 128][: 3 if double else 1])
# 2 artanh(s) / s = 2 (1 + s^2/3 + s^4/5 + ...) in s^2
_log_series = polynomial(lambda double: [2 / (2 * k + 1) for k in range(11 if double else 6)])
_ln2 = constant(math.log(2))


@intrinsic
def _near_root(typingctx: Any, b: Any) -> Any:
    """b^(-1/4) to within a thirtieth: the bits of a float are near a line in its logarithm."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = llvm_vector(b)
        width, mantissa, bias = (64, 52, 1023) if b.dtype == types.float64 else (32, 23, 127)
        whole = ir.VectorType(ir.IntType(width), vector.count)
        # log2(b) + bias - 0.05 = bits / 2^mantissa, nearly, and the result's logarithm is -1/4 of it.
        start = int(5 / 4 * (bias - 0.05) * 2**mantissa)
        quarter = builder.lshr(builder.bitcast(values[0], whole), ir.Constant(whole, [2] * vector.count))
        return builder.bitcast(builder.sub(ir.Constant(whole, [start] * vector.count), quarter), vector)

    return b(b), codegen


@intrinsic
def _split(typingctx: Any, b: Any) -> Any:
    """(m, e) with b = m * 2^e and 1 <= m < 2; e as a number of the dtype."""
    pair = types.UniTuple(b, 2)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = llvm_vector(b)
        width, mantissa, bias = (64, 52, 1023) if b.dtype == types.float64 else (32, 23, 127)
        whole = ir.VectorType(ir.IntType(width), vector.count)

        def every(number: int) -> ir.Constant:
            return ir.Constant(whole, [number] * vector.count)

        bits = builder.bitcast(values[0], whole)
        exponent = builder.sub(builder.lshr(bits, every(mantissa)), every(bias))
        fraction = builder.or_(builder.and_(bits, every(2**mantissa - 1)), every(bias << mantissa))
        parts = [builder.bitcast(fraction, vector), builder.sitofp(exponent, vector)]
        return context.make_tuple(builder, pair, parts)

    return pair(b), codegen


@njit(nogil=True, forceinline=True)
def _minus(x: Any) -> Any:
    return _minus_one(x) * x


@njit(nogil=True, forceinline=True)
def inverse_fourth_root(b: Any) -> Any:
    """b^(-1/4): z (b z^4)^(-1/4), and b z^4 = 1 - r is near 1, so that a few terms of its series in r are enough.

    From a thirtieth off, z comes to within 3e-5, and then to the last digit.
    """
    z = _near_root(b)
    square = z * z
    r = fma(_minus(b) * square, square, _one(b))
    z = fma(z * r, _root_series(r), z)
    square = z * z
    r = fma(_minus(b) * square, square, _one(b))
    return fma(z * r, _root_end(r), z)


@njit(nogil=True, forceinline=True)
def logarithm(b: Any) -> Any:
    """ln(b) of normal numbers: b = m 2^e, ln(m) = 2 artanh((m - 1) / (m + 1))."""
    m, e = _split(b)
    # m / sqrt(2) lies around 1.
    m = m / _sqrt2(b)
    s = (m - _one(b)) / (m + _one(b))
    return fma(e + _half(b), _ln2(b), s * _log_series(s * s))


@njit(nogil=True, forceinline=True)
def inverse_powers(b: Any, beta: Any, kind: int) -> Any:
    """b^-beta and 1 / b; beta, a vector, is of the kind."""
    if kind == OTHER:
        return exponential(_minus(beta) * logarithm(b)), _one(b) / b
    root = inverse_fourth_root(b)
    square = root * root
    power = square if kind == HALF else square * root
    return power, square * square
