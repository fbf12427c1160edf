"""The fast engine for CPUs: NumPy and Numba, a schedule and an arena decided before the first batch.

Begin with ``model.py``. ``training.py`` and ``inference.py`` make a program of :mod:`tatami.plan.program` ready to run,
``rules.py`` turns its ops into calls of kernels, ``driver.py`` and ``threads.py`` run them. The kernels stand in a file
for each family, on ``pointers.py``, ``vector.py`` and ``gemm.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tatami.engines.base import EVERYWHERE

if TYPE_CHECKING:
    from tatami.engines.cpu.model import CpuModel


DTYPES = EVERYWHERE
OPTIONS: tuple[str, ...] = ()  # of compile, beyond what all engines take


def make_model(*args: Any, **options: Any) -> CpuModel:
    """A :class:`tatami.engines.cpu.model.CpuModel`; the module is imported when it is asked for."""
    from tatami.engines.cpu.model import CpuModel

    return CpuModel(*args, **options)


__all__ = ["DTYPES", "OPTIONS", "make_model"]
