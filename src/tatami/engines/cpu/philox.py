"""Random bits from a counter: Philox 4x64-10, as NumPy draws them.

Each block of four 64-bit words follows from its counter and the key alone, so threads draw them anywhere. Source:
Salmon et al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3, section 3.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_MULTIPLIER_0, _MULTIPLIER_1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_WEYL_0, _WEYL_1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_ROUNDS = 10


@intrinsic
def _product(typingctx: Any, a: Any, b: Any) -> Any:
    """The upper and the lower 64 bits of a product of uint64."""
    result = types.UniTuple(types.uint64, 2)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(*(builder.zext(value, wide) for value in values))
        halves = (builder.lshr(product, ir.Constant(wide, 64)), product)
        return context.make_tuple(builder, result, [builder.trunc(half, ir.IntType(64)) for half in halves])

    return result(types.uint64, types.uint64), codegen


@njit(nogil=True, forceinline=True)
def block(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """The four words for a counter (c0, c1, c2, c3) and a key (k0, k1), all uint64."""
    for _ in range(_ROUNDS):
        (high_0, low_0), (high_1, low_1) = _product(_MULTIPLIER_0, c0), _product(_MULTIPLIER_1, c2)
        c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
        k0, k1 = k0 + _WEYL_0, k1 + _WEYL_1
    return c0, c1, c2, c3
