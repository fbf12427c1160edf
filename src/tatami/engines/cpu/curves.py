"""Exponential, sigmoid, tanh and the normal distribution of every lane of a vector, to a few units in the last place.

exp(x) = 2^k exp(r) with k = round(x / ln 2) and r = x - k ln 2, ln 2 in two parts (Cody & Waite 1980, chapter 6); for
exp(r), |r| <= ln(2) / 2, the power series is short enough. NaN stays NaN. Where exp would not be a normal number the
nearest one that is takes its place, so that nothing becomes infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from tatami.engines.cpu.vector import call_vector_intrinsic, fma, larger, llvm_vector, smaller, where_positive


def polynomial(coefficients: Callable[[bool], Sequence[float]]) -> Any:
    """An intrinsic: the polynomial of x with ``coefficients(double)``, lowest first, by Horner's rule."""

    @intrinsic
    def value(typingctx: Any, x: Any) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            vector = llvm_vector(x)
            *others, total = (ir.Constant(vector, [c] * vector.count) for c in coefficients(x.dtype == types.float64))
            for term in reversed(others):
                total = call_vector_intrinsic(builder, "llvm.fma", vector, total, values[0], term)
            return total

        return x(x), codegen

    return value


def constant(single: float, double: float | None = None) -> Any:
    """An intrinsic of any vector: ``single`` in each lane of one of its kind, or ``double`` for float64."""
    return polynomial(lambda is_double: [single if double is None or not is_double else double])


_LN2_SINGLE = 0.693147182464599609375  # the float32 nearest to ln 2
_zero, _one, _two = constant(0.0), constant(1.0), constant(2.0)
_per_ln2 = constant(1 / math.log(2))
_minus_ln2 = constant(-_LN2_SINGLE, -math.log(2))
_minus_ln2_rest = constant(_LN2_SINGLE - math.log(2), -2.3190468138462996e-17)
# Added to a small number, its lowest bits are the nearest whole number: 1.5 times 2 to the bits of the mantissa.
_rounder = constant(1.5 * 2**23, 1.5 * 2**52)
_lowest = constant(-126 * 0.6931471, -1022 * 0.69314718)
_highest = constant(127.4 * 0.6931471, 1023.4 * 0.69314718)
_series = polynomial(lambda double: [1 / math.factorial(k + 1) for k in range(13 if double else 7)])  # (exp(r) - 1) / r


@intrinsic
def _power_of_two(typingctx: Any, rounded: Any) -> Any:
    """2^k, of k + ``_rounder``: its lowest bits put into the exponent."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector = llvm_vector(rounded)
        width, mantissa, bias = (64, 52, 1023) if rounded.dtype == types.float64 else (32, 23, 127)
        whole = ir.VectorType(ir.IntType(width), vector.count)
        bits = builder.bitcast(values[0], whole)
        biased = builder.add(bits, ir.Constant(whole, [bias] * vector.count))
        return builder.bitcast(builder.shl(biased, ir.Constant(whole, [mantissa] * vector.count)), vector)

    return rounded(rounded), codegen


@njit(nogil=True, forceinline=True)
def _parts(x: Any) -> Any:
    """2^k and exp(r) - 1."""
    x = larger(_lowest(x), x)
    rounded = fma(x, _per_ln2(x), _rounder(x))
    k = rounded - _rounder(x)
    r = fma(k, _minus_ln2_rest(x), fma(k, _minus_ln2(x), x))
    return _power_of_two(rounded), r * _series(r)


@njit(nogil=True, forceinline=True)
def exponential(x: Any) -> Any:
    """exp(x)."""
    return decay(smaller(_highest(x), x))


@njit(nogil=True, forceinline=True)
def decay(x: Any) -> Any:
    """exp(x) where x <= 0."""
    power, rest = _parts(x)
    return fma(power, rest, power)


@njit(nogil=True, forceinline=True)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return _one(x) / (_one(x) + exponential(_zero(x) - x))


@njit(nogil=True, forceinline=True)
def hyperbolic_tangent(x: Any) -> Any:
    """tanh(x) = e / (e + 2) with e = exp(2x) - 1, which is exact near 0 as it is not formed from exp(2x)."""
    power, rest = _parts(smaller(_highest(x), x + x))
    e = fma(power, rest, power - _one(x))
    return e / (e + _two(x))


_POLE = 4.0


def _mills(double: bool) -> Sequence[float]:
    """Coefficients in u = (t - POLE) / (t + POLE), t >= 0, of (t + POLE) Phi(-t) / exp(-t^2 / 2).

    Phi(-t) / exp(-t^2 / 2) is erfcx(t / sqrt(2)) / 2. In the variable of Schonfelder 1978 (Chebyshev Expansions for the
    Error and Related Functions) few terms serve all t; they are interpolated when a kernel is compiled.
    """
    from numpy.polynomial import chebyshev
    from scipy.special import erfcx

    def value(u: Any) -> Any:
        sum_ = 2 * _POLE / (1 - u)  # t + POLE
        return sum_ * erfcx((sum_ - _POLE) / math.sqrt(2)) / 2

    terms = chebyshev.chebinterpolate(value, 26 if double else 8)
    return [float(c) for c in chebyshev.cheb2poly(terms)]


_mills_ratio = polynomial(_mills)
_minus_half, _pole, _minus_two_poles = constant(-0.5), constant(_POLE), constant(-2 * _POLE)
_density = constant(1 / math.sqrt(2 * math.pi))


@njit(nogil=True, forceinline=True)
def normal(x: Any) -> Any:
    """Phi(x) and phi(x): distribution function and density of the standard normal distribution."""
    t = larger(x, _zero(x) - x)
    power = decay(x * x * _minus_half(x))
    w = _one(x) / (t + _pole(x))
    below = power * w * _mills_ratio(fma(w, _minus_two_poles(x), _one(x)))  # Phi(-t)
    return where_positive(x, _one(x) - below - below) + below, power * _density(x)
