"""Arrays in JSON: base64 of uint8 or float32, with the shape."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray


def packed(array: NDArray[Any]) -> dict[str, Any]:
    """``{"shape", "dtype", "data"}``: uint8 stays, all else becomes float32, little-endian, last axis fastest."""
    dtype = "uint8" if array.dtype == np.uint8 else "float32"
    values = np.ascontiguousarray(array, "u1" if dtype == "uint8" else "<f4")
    return {"shape": list(array.shape), "dtype": dtype, "data": base64.b64encode(values.tobytes()).decode("ascii")}
