"""The length of the gradient, all parameters taken as one vector, for clipping (Pascanu et al. 2013, algorithm 1).

Squares are those of float64: a gradient may be finite, and its square not be so in float32. Each part sums its own into
a cache line.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import float64
from numba.extending import intrinsic

from tatami.engines.cpu.kernels import Call, kernel
from tatami.engines.cpu.optimizers import lines_of
from tatami.engines.cpu.pointers import pointer, unpack
from tatami.engines.cpu.vector import call_vector_intrinsic, lane_sum, lanes, llvm_vector, load_some, splat

LINE = 8
"""Values of float64 from one part's sum to the next."""


def squares(gradients: int, count: int, sums: int) -> list[Call]:
    """The call that sums the squares of ``count`` gradients: ``sums`` is the address of ``LINE`` float64 a part."""
    return [Call(squares_summed, (gradients, count, sums))]


@intrinsic
def _plus_squares(typingctx: Any, sums: Any, a: Any) -> Any:
    """The eight ``sums`` of float64, and the squares of the lanes of ``a``: sixteen of float32 are two times eight."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        total, value = values
        wide, index = llvm_vector(sums), ir.VectorType(ir.IntType(32), sums.lanes)
        for start in range(0, a.lanes, sums.lanes):
            places = ir.Constant(index, list(range(start, start + sums.lanes)))
            some = value if a == sums else builder.fpext(builder.shuffle_vector(value, value, places), wide)
            total = call_vector_intrinsic(builder, "llvm.fma", wide, some, some, total)
        return total

    return sums(sums, a), codegen


@kernel
def squares_summed(args: Any, real: Any, n: int, part: int, parts: int) -> None:
    """The part's sum of g^2."""
    g, count, sums = unpack(args, 3)
    g, width, total = pointer(g, real), lanes(real), splat(0.0, float64)
    first, last = lines_of(count, width, part, parts)
    for i in range(first, last, width):
        total = _plus_squares(total, load_some(g, i, last - i))
    pointer(sums, float64)[LINE * part] = lane_sum(total)
