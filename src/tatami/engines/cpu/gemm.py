"""Matrix products of blocks, the heart of every convolution: C (+)= A B, with B packed into panels.

Letters: M rows of A and C, K columns of B and C, D the depth that is summed over. A[m, d] lies at ``a + m*am + d*ad``
elements. B lies in panels (ceil(K / PANEL), D, PANEL), zero beyond column K. C[m, k] lies at ``c + m*cm + k``.

The tile of C that one pass keeps in registers is ROWS by PANEL: with AVX-512 12 by 32, 24 of 32 registers; otherwise
6 by 16, 12 of AVX2's 16. On one core of a Xeon (Sapphire Rapids) it reaches 145 to 170 GFLOP/s where OpenBLAS reaches
110 to 160 (benchmarks/gemm.py).
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from tatami.engines.cpu.pointers import WORD, at
from tatami.engines.cpu.vector import (
    Vector,
    call_vector_intrinsic,
    first_lanes,
    lanes,
    llvm_vector,
    load_masked,
    load_plain,
    splat_value,
    store_masked,
    store_plain,
)

_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
ROWS = 12 if _WIDE else 6
PANEL_VECTORS = 2 if _WIDE else 1


def _tile(rows: int, vectors: int) -> Any:
    """An intrinsic: C (rows by vectors*lanes) = or += A B for one tile, of which ``columns`` columns are written."""

    @intrinsic
    def product(
        typingctx: Any, a: Any, am: Any, ad: Any, b: Any, bd: Any, c: Any, cm: Any, depth: Any, columns: Any, add: Any
    ) -> Any:
        i64 = types.int64
        signature = types.void(a, i64, i64, a, i64, a, i64, i64, i64, types.boolean)
        vector = llvm_vector(Vector(a.dtype))

        def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            a, am, ad, b, bd, c, cm, depth, columns, add = values
            size = vector.count

            def number(value: int) -> ir.Constant:
                return ir.Constant(WORD, value)

            before = builder.block
            loop, done, partial, whole, sums, sets, end = (
                builder.append_basic_block(f"tile.{name}")
                for name in ("loop", "done", "partial", "whole", "sums", "sets", "end")
            )
            row = [builder.mul(am, number(m)) for m in range(rows)]
            builder.branch(loop)
            builder.position_at_end(loop)
            left, here, there = builder.phi(WORD), builder.phi(a.type), builder.phi(b.type)
            total = [[builder.phi(vector) for _ in range(vectors)] for _ in range(rows)]
            loaded = [load_plain(builder, vector, builder.gep(there, [number(v * size)])) for v in range(vectors)]
            new = []
            for m in range(rows):
                value = splat_value(builder, vector, builder.load(builder.gep(here, [row[m]])))
                new.append(
                    [
                        call_vector_intrinsic(builder, "llvm.fma", vector, value, loaded[v], total[m][v])
                        for v in range(vectors)
                    ]
                )
            fewer = builder.sub(left, number(1))
            for phi, first, following in (
                (left, depth, fewer),
                (here, a, builder.gep(here, [ad])),
                (there, b, builder.gep(there, [bd])),
                *(
                    (total[m][v], ir.Constant(vector, [0.0] * size), new[m][v])
                    for m in range(rows)
                    for v in range(vectors)
                ),
            ):
                phi.add_incoming(first, before)
                phi.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed(">", fewer, number(0)), loop, done)

            def places() -> Any:
                for m in range(rows):
                    start = builder.mul(cm, number(m))
                    for v in range(vectors):
                        yield m, v, builder.gep(c, [builder.add(start, number(v * size))])

            builder.position_at_end(done)
            builder.cbranch(builder.icmp_signed("<", columns, number(vectors * size)), partial, whole)
            builder.position_at_end(whole)
            builder.cbranch(add, sums, sets)
            builder.position_at_end(sums)
            for m, v, place in places():
                store_plain(builder, vector, builder.fadd(load_plain(builder, vector, place), new[m][v]), place)
            builder.branch(end)
            builder.position_at_end(sets)
            for m, v, place in places():
                store_plain(builder, vector, new[m][v], place)
            builder.branch(end)
            builder.position_at_end(partial)
            masks = [
                first_lanes(builder, vector, builder.sub(columns, number(v * size))) for v in range(vectors)
            ]
            zero = ir.Constant(vector, [0.0] * size)
            for m, v, place in places():
                old = builder.select(add, load_masked(builder, vector, place, masks[v]), zero)
                store_masked(builder, vector, builder.fadd(old, new[m][v]), place, masks[v])
            builder.branch(end)
            builder.position_at_end(end)
            return context.get_dummy_value()

        return signature, codegen

    return product


_full, _half, _rows3, _rows1 = (_tile(rows, PANEL_VECTORS) for rows in (ROWS, ROWS // 2, 3, 1))


@njit(nogil=True, cache=True)
def multiply(
    a: Any, am: int, ad: int, panels: Any, c: Any, cm: int, rows: int, columns: int, depth: int, add: bool
) -> None:
    """C (rows by columns) = A B, or += with ``add``; depth at least 1.

    A panel stays in the first cache while the rows pass by, so a panel should fit there with ROWS rows of A.
    """
    width = lanes(a) * PANEL_VECTORS
    for first in range(0, columns, width):
        panel = at(panels, first * depth)
        some = min(width, columns - first)
        m = 0
        while m + ROWS <= rows:
            _full(at(a, m * am), am, ad, panel, width, at(c, m * cm + first), cm, depth, some, add)
            m += ROWS
        if m + ROWS // 2 <= rows:
            _half(at(a, m * am), am, ad, panel, width, at(c, m * cm + first), cm, depth, some, add)
            m += ROWS // 2
        if m + 3 <= rows:
            _rows3(at(a, m * am), am, ad, panel, width, at(c, m * cm + first), cm, depth, some, add)
            m += 3
        while m < rows:
            _rows1(at(a, m * am), am, ad, panel, width, at(c, m * cm + first), cm, depth, some, add)
            m += 1
