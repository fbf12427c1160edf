"""Some rows of a memory map, read only when they are asked for: a part of data that are larger than memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class MappedRows:
    """Rows of an array, as an array is read by its first axis.

    Args:
        x: (N, ...), a memory map.
        rows: which, in order.
    """

    def __init__(self, x: Array, rows: NDArray[np.int64]) -> None:
        self._x, self._rows = x, rows
        self.shape = (len(rows), *x.shape[1:])
        self.dtype, self.ndim = x.dtype, x.ndim
        self.nbytes = len(rows) * x.dtype.itemsize * int(np.prod(x.shape[1:]))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Any) -> Array:
        """A sample, or a copy of those that a slice or an array of indices means."""
        found: Array = self._x[self._rows[key]]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """All of them, in memory."""
        found: Array = np.asarray(self._x[self._rows], dtype)
        return found


def is_mapped(x: object) -> bool:
    """Whether an array, or what it is a view of, is a memory map."""
    while x is not None and not isinstance(x, np.memmap):
        x = getattr(x, "base", None)
    return x is not None
