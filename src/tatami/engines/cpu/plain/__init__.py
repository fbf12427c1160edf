"""The same ops in plain NumPy, for networks so small that compiling kernels would cost more than it saves.

A family of layers has the file name that it has in the textbook engine; each adds its rules to
:func:`tatami.engines.cpu.plain.rules.forward` and :func:`tatami.engines.cpu.plain.rules.backward`. Nothing here may
import Numba: not waiting for it is half of what is saved.
"""

from tatami.engines.cpu.plain import activation, conv, dense, dropout, merge, norm, pool, scale, shape_ops

__all__ = ["activation", "conv", "dense", "dropout", "merge", "norm", "pool", "scale", "shape_ops"]
