"""Batch norm folded into the convolution before it, at inference: there it is linear, with the running statistics."""

from __future__ import annotations

from typing import Any

from numba import njit

from tatami.engines.cpu.kernels import kernel, share
from tatami.engines.cpu.pointers import pointer, real_number, unpack
from tatami.engines.cpu.vector import fma, lanes, load_some, splat, square_root, store_some, zeros


@njit(nogil=True, error_model="numpy")
def _scale(weight: Any, variance: Any, eps: Any, c: int, some: int) -> Any:
    """The factor weight / sqrt(variance + eps), of some channels."""
    return load_some(weight, c, some) / square_root(load_some(variance, c, some) + eps)


@kernel
def weight_folded(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """Each column of the weights (rows, filters) scaled."""
    old, rows, filters, weight, variance, eps, new = unpack(args, 7)
    old, new, weight, variance = pointer(old, real), pointer(new, real), pointer(weight, real), pointer(variance, real)
    vector, eps = lanes(real), splat(real(real_number(eps)), real)
    first, last = share(rows, part, parts)
    for c in range(0, filters, vector):
        some = min(vector, filters - c)
        scale = _scale(weight, variance, eps, c, some)
        for row in range(first, last):
            store_some(new, row * filters + c, load_some(old, row * filters + c, some) * scale, some)


@kernel
def bias_folded(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """New = (old - mean) * scale + bias."""
    old, filters, weight, variance, eps, bias, mean, new = unpack(args, 8)
    has_old, old, new, bias = old != 0, pointer(old, real), pointer(new, real), pointer(bias, real)
    weight, variance, mean = pointer(weight, real), pointer(variance, real), pointer(mean, real)
    vector, eps = lanes(real), splat(real(real_number(eps)), real)
    first, last = share((filters + vector - 1) // vector, part, parts)
    for c in range(first * vector, min(last * vector, filters), vector):
        some, value = min(vector, filters - c), zeros(real)
        if has_old:
            value = load_some(old, c, some)
        value = value - load_some(mean, c, some)
        store_some(new, c, fma(value, _scale(weight, variance, eps, c, some), load_some(bias, c, some)), some)
