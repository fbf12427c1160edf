"""Kernels: serial compiled functions over a part of the work, all with one signature, and how they are called.

    @kernel
    def double(args, real, n, part, parts):
        x, y, size = unpack(args, 3)
        x, y = pointer(x, real), pointer(y, real)
        first, last = share(n * size, part, parts)
        for i in range(first, last):
            y[i] = 2 * x[i]

``args`` are the words of the call, addresses, sizes, and the bits of float64; ``real`` is the type float32 or float64;
``n`` the samples of this batch. Each of ``parts`` threads runs the kernel as one ``part``; all have ended before the
next call begins. Kernels allocate nothing and raise nothing.

A kernel may have a last argument, a literal for which it is compiled: ``Kernel.of(number)`` is that variant of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from pickle import UnpicklingError
from typing import Any

import numpy as np
from numba import types

from tatami.engines.cpu.compiled import compiled, forget_all

Number = int | float

_SIGNATURES = {
    np.dtype(name): (types.CPointer(types.int64), types.NumberClass(kind), types.int64, types.int64, types.int64)
    for name, kind in (("float32", types.float32), ("float64", types.float64))
}


@dataclass(frozen=True)
class Kernel:
    """A compiled function of the common signature; compiled, or read from the cache, when its address is asked for."""

    function: Any
    variant: int | None = None

    def of(self, variant: int) -> Kernel:
        """The kernel compiled for a literal as its last argument."""
        return replace(self, variant=variant)

    @property
    def path(self) -> str:
        """Where it is defined: ``module:function``, and ``:variant``."""
        end = "" if self.variant is None else f":{self.variant}"
        return f"{self.function.py_func.__module__}:{self.function.py_func.__name__}{end}"

    def _signature(self, dtype: np.dtype) -> tuple[Any, ...]:
        # A literal takes no part in the machine code's own arguments, beyond a register that nobody reads.
        return _SIGNATURES[dtype] + (() if self.variant is None else (types.literal(self.variant),))

    def is_loaded(self, dtype: np.dtype) -> bool:
        """Whether its machine code is there already."""
        return self._signature(dtype) in self.function.overloads

    def address(self, dtype: np.dtype) -> int:
        """The machine code for ``dtype``, callable as ``void(words, nothing, n, part, parts)``."""
        signature = self._signature(dtype)
        try:
            self.function.compile(signature)
        except (EOFError, UnpicklingError, ValueError, OSError):  # what was kept is damaged
            forget_all()
            self.function.compile(signature)
        result = self.function.overloads[signature]
        return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))


def kernel(function: Callable[..., None]) -> Kernel:
    """Decorator: make a kernel of ``function``."""
    return Kernel(compiled(function))


@dataclass(frozen=True)
class Call:
    """A kernel with its arguments."""

    kernel: Kernel
    args: tuple[Number, ...]

    def words(self) -> list[int]:
        """The arguments as 64-bit words: floats by their bits."""
        return [
            struct.unpack("<q", struct.pack("<d", arg))[0] if isinstance(arg, float) else int(arg) for arg in self.args
        ]


@compiled
def share(count: int, part: int, parts: int) -> tuple[int, int]:
    """The range of ``count`` things that ``part`` does: (first, last + 1)."""
    return count * part // parts, count * (part + 1) // parts
