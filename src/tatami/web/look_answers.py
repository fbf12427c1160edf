"""Every layer's answer to a sample or a few, many times a second.

The textbook engine loops over the positions of a convolution, which takes nearly all of its time where samples are few.
Here the plain part of the CPU engine takes them at once; all other layers run as in the textbook.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tatami.engines.base import Array
from tatami.engines.cpu.plain.conv import convolve
from tatami.engines.textbook.rules import Mode, run
from tatami.engines.threads import one_blas_thread
from tatami.inspect.subject import Subject
from tatami.network.layers import Conv, Input


@one_blas_thread
@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # an overflow shows in the values themselves
def answers(subject: Subject, x: NDArray[np.float32]) -> dict[str, Array]:
    """What :func:`tatami.inspect.passes.activations` gives, but for rounding.

    Args:
        subject: the network.
        x: prepared samples, (N, *input).
    """
    found: dict[str, Array] = {}
    for node in subject.network:
        layer, weights = node.layer, subject.weights[node.name]
        inputs = [found[name] for name in node.inputs]
        if isinstance(layer, Input):
            found[node.name] = x
        elif isinstance(layer, Conv):
            found[node.name] = convolve(layer, inputs[0], weights["weight"], weights.get("bias"))
        else:
            found[node.name], _ = run(layer, weights, Mode(), *inputs)
    return found
