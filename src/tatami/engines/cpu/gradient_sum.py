"""The gradients of a step that goes through in parts: see :mod:`tatami.engines.parts`.

In NumPy, on one thread: a part is a whole batch, beside which two sweeps over the parameters are little.
"""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.memory import aligned_array


class GradientSum:
    """Gathers what the passes leave in ``gradients``, and leaves the sum there in the end.

    Its buffer, of the size of the gradients, is made when a step first has several parts.
    """

    def __init__(self, gradients: Array) -> None:
        self._gradients = gradients
        self._sum: Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of the buffer."""
        return 0 if self._sum is None else self._sum.nbytes

    @np.errstate(over="ignore", invalid="ignore")
    def take(self, share: float, is_first: bool, is_last: bool) -> None:
        """Take the gradients of a part that has this share of the samples; of a last one, they become the sum."""
        if is_first and is_last:
            return
        if self._sum is None:
            self._sum = aligned_array(self._gradients.size, self._gradients.dtype)
        self._gradients *= share
        if is_first:
            self._sum[...] = self._gradients
        elif is_last:
            self._gradients += self._sum
        else:
            self._sum += self._gradients
