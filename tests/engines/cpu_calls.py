"""Run kernel calls of the CPU engine on NumPy arrays, part after part."""

import ctypes
from collections.abc import Iterable

import numpy as np

from tatami.engines.cpu.kernels import Call
from tatami.engines.cpu.places import Map

_RUN = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 5)


def run_calls(calls: Iterable[Call], dtype: str, n: int, parts: int = 1) -> None:
    for call in calls:
        words = np.array(call.words(), np.int64)
        function = _RUN(call.kernel.address(np.dtype(dtype)))
        for part in range(parts):
            function(words.ctypes.data, 0, n, part, parts)


def map_of(array: np.ndarray) -> Map:
    """The map in ``array`` (n, *spatial, C), which may be a slice of the channels of a larger dense array."""
    stride = array.strides[-2 if array.ndim > 2 else 0]
    return Map(array.ctypes.data, array.shape[1:], stride // array.itemsize)
