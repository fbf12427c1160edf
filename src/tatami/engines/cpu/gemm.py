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

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.pointers import at
from tatami.engines.cpu.tile import tile, tile_with_end
from tatami.engines.cpu.vector import lanes

_WIDE = bool(llvmlite.binding.get_host_cpu_features().get("avx512f"))
ROWS = 12 if _WIDE else 6
PANEL_VECTORS = 2 if _WIDE else 1

# Tiles of one vector are for the last columns: half the work where a panel is at most half full.
_full, _half, _rows3, _rows1 = (tile(rows, PANEL_VECTORS) for rows in (ROWS, ROWS // 2, 3, 1))
_full_narrow, _rows3_narrow = (tile(rows, 1) for rows in (ROWS, 3))
_full_end, _half_end, _rows3_end, _rows1_end = (tile_with_end(rows, PANEL_VECTORS) for rows in (ROWS, ROWS // 2, 3, 1))
_full_narrow_end, _rows3_narrow_end = (tile_with_end(rows, 1) for rows in (ROWS, 3))


@compiled
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
        if some <= lanes(a):
            while m + ROWS <= rows:
                _full_narrow(at(a, m * am), am, ad, panel, width, at(c, m * cm + first), cm, depth, some, add)
                m += ROWS
            while m + 3 <= rows:
                _rows3_narrow(at(a, m * am), am, ad, panel, width, at(c, m * cm + first), cm, depth, some, add)
                m += 3
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


@compiled
def multiply_with_end(
    a: Any,
    am: int,
    ad: int,
    panels: Any,
    c: Any,
    cm: int,
    rows: int,
    columns: int,
    depth: int,
    add: bool,
    bias: Any,
    kind: int,
    slope: Any,
    cap: Any,
) -> None:
    """As :func:`multiply`, and then bias and activation of a ``kind`` of :mod:`tatami.engines.cpu.tile`."""
    width = lanes(a) * PANEL_VECTORS
    for first in range(0, columns, width):
        panel, shift = at(panels, first * depth), at(bias, first)
        some = min(width, columns - first)
        m = 0
        if some <= lanes(a):
            while m + ROWS <= rows:
                out = at(c, m * cm + first)
                _full_narrow_end(
                    at(a, m * am), am, ad, panel, width, out, cm, depth, some, add, shift, kind, slope, cap
                )
                m += ROWS
            while m + 3 <= rows:
                out = at(c, m * cm + first)
                _rows3_narrow_end(
                    at(a, m * am), am, ad, panel, width, out, cm, depth, some, add, shift, kind, slope, cap
                )
                m += 3
        while m + ROWS <= rows:
            out = at(c, m * cm + first)
            _full_end(at(a, m * am), am, ad, panel, width, out, cm, depth, some, add, shift, kind, slope, cap)
            m += ROWS
        if m + ROWS // 2 <= rows:
            out = at(c, m * cm + first)
            _half_end(at(a, m * am), am, ad, panel, width, out, cm, depth, some, add, shift, kind, slope, cap)
            m += ROWS // 2
        if m + 3 <= rows:
            out = at(c, m * cm + first)
            _rows3_end(at(a, m * am), am, ad, panel, width, out, cm, depth, some, add, shift, kind, slope, cap)
            m += 3
        while m < rows:
            out = at(c, m * cm + first)
            _rows1_end(at(a, m * am), am, ad, panel, width, out, cm, depth, some, add, shift, kind, slope, cap)
            m += 1
