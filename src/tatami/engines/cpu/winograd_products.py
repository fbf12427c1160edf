"""The matrix products of a Winograd convolution: many small ones, one panel wide.

Their heights are those of tiles and channels, often 16 or 32, and of 16 filters a panel is half empty. So beside the
tiles of :func:`tatami.engines.cpu.gemm.multiply` there are some of fewer rows, and of one vector and more rows.
"""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.gemm import PANEL_VECTORS, ROWS, multiply
from tatami.engines.cpu.pointers import at
from tatami.engines.cpu.tile import tile
from tatami.engines.cpu.vector import lanes

_EIGHT = ROWS * 2 // 3
_full, _eight = tile(ROWS, PANEL_VECTORS), tile(_EIGHT, PANEL_VECTORS)
_narrow, _narrow_eight = tile(2 * ROWS, 1), tile(_EIGHT, 1)


@compiled
def multiply_panel(
    a: Any, am: int, ad: int, panel: Any, c: Any, cm: int, rows: int, columns: int, depth: int, add: bool
) -> None:
    """C (rows by a panel) = A B, or += with ``add``.

    At least ``columns`` columns, those that hold anything, are written, in whole vectors; strides are those of
    :func:`tatami.engines.cpu.gemm.multiply`.
    """
    size = lanes(a)
    width = size * PANEL_VECTORS
    m = 0
    if columns <= size < width:
        while m + 2 * ROWS <= rows:
            _narrow(at(a, m * am), am, ad, panel, width, at(c, m * cm), cm, depth, size, add)
            m += 2 * ROWS
        while m + _EIGHT <= rows:
            _narrow_eight(at(a, m * am), am, ad, panel, width, at(c, m * cm), cm, depth, size, add)
            m += _EIGHT
    else:
        # 12 rows at a time, but in the end 8 and 8 for 16, and 8 for 8.
        while m + ROWS <= rows and rows - m != 2 * _EIGHT:
            _full(at(a, m * am), am, ad, panel, width, at(c, m * cm), cm, depth, width, add)
            m += ROWS
        while m + _EIGHT <= rows:
            _eight(at(a, m * am), am, ad, panel, width, at(c, m * cm), cm, depth, width, add)
            m += _EIGHT
    if m < rows:
        multiply(at(a, m * am), am, ad, panel, at(c, m * cm), cm, rows - m, width, depth, add)
