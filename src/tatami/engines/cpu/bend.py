"""The fused activations within kernels: see :class:`tatami.engines.cpu.places.Bend`."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.extending import intrinsic

from tatami.engines.cpu.vector import llvm_vector


@intrinsic
def bend(typingctx: Any, x: Any, slope: Any, cap: Any) -> Any:
    """min(x, cap) where x > 0, slope * x elsewhere; NaN stays NaN. All three are vectors."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        value, slope_, cap_ = values
        zero = ir.Constant(llvm_vector(x), [0.0] * x.lanes)
        lower = builder.select(builder.fcmp_unordered(">", value, zero), value, builder.fmul(value, slope_))
        return builder.select(builder.fcmp_ordered(">", lower, cap_), cap_, lower)

    return x(x, x, x), codegen


@intrinsic
def bend_back(typingctx: Any, y: Any, gradient: Any, slope: Any, cap: Any) -> Any:
    """The gradient for x from the output y and its gradient. All four are vectors."""

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        output, d, slope_, cap_ = values
        zero = ir.Constant(llvm_vector(y), [0.0] * y.lanes)
        below = builder.select(builder.fcmp_ordered(">", output, zero), d, builder.fmul(d, slope_))
        return builder.select(builder.fcmp_ordered(">=", output, cap_), zero, below)

    return y(y, y, y, y), codegen
