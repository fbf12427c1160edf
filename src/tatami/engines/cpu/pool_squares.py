"""Square windows on the map, the heart of pooling: straight code for 2x2 and 3x3, as intrinsics of vectors of channels.

Pointers are at the first channel; steps are in elements, from one row and from one pixel to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from tatami.engines.cpu.maxima import load_places
from tatami.engines.cpu.pointers import WORD
from tatami.engines.cpu.vector import (
    Vector,
    first_lanes,
    llvm_vector,
    load_masked,
    load_plain,
    splat_value,
    store_masked,
    store_plain,
)


def _offset(builder: Any, base: Any, rows: int, row: Any, pixels: int, pixel: Any) -> Any:
    """The pointer so many rows and pixels on."""
    steps = builder.add(builder.mul(row, ir.Constant(WORD, rows)), builder.mul(pixel, ir.Constant(WORD, pixels)))
    return builder.gep(base, [steps])


def _branch(builder: Any, flag: Any, body: Callable[[bool], None]) -> None:
    """The code twice, one of which is run."""
    with builder.if_else(flag) as (yes, no):
        with yes:
            body(True)
        with no:
            body(False)


def _whole_and_some(builder: Any, vector: Any, count: Any, body: Callable[[Any], None]) -> None:
    """The code twice: of the first ``count`` lanes, and of all, mask None."""
    is_some = builder.icmp_signed("<", count, ir.Constant(WORD, vector.count))
    _branch(builder, is_some, lambda some: body(first_lanes(builder, vector, count) if some else None))


def _load(builder: Any, vector: Any, address: Any, mask: Any) -> Any:
    return load_plain(builder, vector, address) if mask is None else load_masked(builder, vector, address, mask)


def _store(builder: Any, vector: Any, value: Any, address: Any, mask: Any) -> None:
    if mask is None:
        store_plain(builder, vector, value, address)
    else:
        store_masked(builder, vector, value, address, mask)


def returned_square(size: int, stride: int, is_max: bool) -> Any:
    """An intrinsic: dx = or += the gradient of the ``stride`` x ``stride`` pixels where a window begins.

    They lie in this window and, where windows of ``size`` x ``size`` overlap, in those before it along both axes.
    A mean is shared out as ``factor`` * dy.
    """
    reach = range((size - 1) // stride + 1)

    @intrinsic
    def square(
        typingctx: Any,
        dy: Any,
        dy_row: Any,
        dy_pixel: Any,
        places: Any,
        places_row: Any,
        places_pixel: Any,
        factor: Any,
        dx: Any,
        dx_row: Any,
        dx_pixel: Any,
        count: Any,
        add: Any,
    ) -> Any:
        kind, i64 = Vector(dy.dtype), types.int64

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            dy_, dy_row_, dy_pixel_, places_, places_row_, places_pixel_, factor_, dx_, dx_row_, dx_pixel_ = values[:10]
            count_, add_ = values[10:]
            vector = llvm_vector(kind)
            zero = ir.Constant(vector, [0.0] * vector.count)
            adds = builder.icmp_signed("!=", add_, ir.Constant(WORD, 0))

            def body(mask: Any, is_added: bool) -> None:
                gradients, chosen = {}, {}
                for a in reach:
                    for b in reach:
                        where = _offset(builder, dy_, -a, dy_row_, -b, dy_pixel_)
                        gradients[a, b] = _load(builder, vector, where, mask)
                        if is_max:
                            where = _offset(builder, places_, -a, places_row_, -b, places_pixel_)
                            chosen[a, b] = load_places(builder, where, vector.count, mask)
                for i in range(stride):
                    for j in range(stride):
                        target = _offset(builder, dx_, i, dx_row_, j, dx_pixel_)
                        terms = [_load(builder, vector, target, mask)] if is_added else []
                        for a, b in gradients:
                            y, x, value = i + a * stride, j + b * stride, gradients[a, b]
                            if y >= size or x >= size:
                                continue
                            if is_max:
                                place = chosen[a, b]
                                number = ir.Constant(place.type, [y * size + x] * vector.count)
                                value = builder.select(builder.icmp_signed("==", place, number), value, zero)
                            else:
                                value = builder.fmul(value, splat_value(builder, vector, factor_))
                            terms.append(value)
                        _store(builder, vector, reduce(builder.fadd, terms), target, mask)

            _branch(
                builder,
                adds,
                lambda is_added: _whole_and_some(builder, vector, count_, partial(body, is_added=is_added)),
            )
            return context.get_dummy_value()

        words = (dy, i64, i64, places, i64, i64, dy.dtype, dy, i64, i64, i64, i64)
        return types.void(*words), codegen

    return square
