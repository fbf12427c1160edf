"""The matrix products of a Winograd convolution: many small ones, one panel wide, of 16 or 32 rows as often as not."""

from __future__ import annotations

from typing import Any

from tatami.engines.cpu.compiled import compiled
from tatami.engines.cpu.gemm import PANEL_VECTORS, ROWS, multiply
from tatami.engines.cpu.pointers import at
from tatami.engines.cpu.tile import tile
from tatami.engines.cpu.vector import lanes

_FEWER = ROWS * 2 // 3
_fewer, _fewer_narrow = tile(_FEWER, PANEL_VECTORS), tile(_FEWER, 1)


@compiled
def multiply_panel(
    a: Any, am: int, ad: int, panel: Any, c: Any, cm: int, rows: int, columns: int, depth: int, add: bool
) -> None:
    """C (rows by a panel) = A B, or += with ``add``; strides as in :func:`tatami.engines.cpu.gemm.multiply`.

    ``columns`` of the panel hold anything; they are written, and others up to whole vectors. Tiles have 12 rows, but at
    the end 8 or 8 and 8 where that leaves no rest: small tiles are slow.
    """
    size, width = lanes(a), lanes(a) * PANEL_VECTORS
    narrow = columns <= size
    rest = rows % ROWS
    tail = 0
    if rest == _FEWER:
        tail = _FEWER
    elif rest == 2 * _FEWER - ROWS and rows > ROWS:
        tail = 2 * _FEWER
    m = rows - tail
    if m:
        multiply(a, am, ad, panel, c, cm, m, size if narrow else width, depth, add)
    while m < rows:
        if narrow:
            _fewer_narrow(at(a, m * am), am, ad, panel, width, at(c, m * cm), cm, depth, size, add)
        else:
            _fewer(at(a, m * am), am, ad, panel, width, at(c, m * cm), cm, depth, width, add)
        m += _FEWER
