"""How a layer runs: :func:`run`, which each file of this package extends by the layers of its family.

``run(layer, weights, mode, *inputs)`` returns the layer's output and a function ``backward``. Given dY, the gradient of
the loss for every value of the output, ``backward(dY)`` returns the gradients for the inputs, one each, and those for
the trainable weights, by name. It is a closure: it stands right beside the forward pass and holds just what it needs.

A rule never changes its inputs, nor dY: another layer may hold the same array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from tatami.engines.base import Array
from tatami.network.layers import Layer

Weights: TypeAlias = Mapping[str, Array]
Gradients: TypeAlias = tuple[tuple[Array, ...], dict[str, Array]]
Backward: TypeAlias = Callable[[Array], Gradients]


@dataclass(frozen=True)
class Mode:
    """How a layer is to run.

    Attributes:
        training: whether the pass is one of training (dropout drops, batch norm takes the batch's own statistics).
        seed, step, node: of the model, the number of the step, and the layer's place: they fix the random numbers, so
            that a run that is taken up again goes on as it would have.
        statistics: where a layer leaves new values of its running statistics; the model takes them over with the step.
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    node: int = 0
    statistics: dict[str, Array] = field(default_factory=dict)

    def random(self) -> np.random.Generator:
        """The layer's random numbers for this step, from a counter-based generator (Salmon et al. 2011, Philox)."""
        return np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, self.node, self.step]))


@singledispatch
def run(layer: Layer, weights: Weights, mode: Mode, *inputs: Array) -> tuple[Array, Backward]:
    """Run ``layer`` forward; see the module's text."""
    raise NotImplementedError(f"the textbook engine has no rule for {layer.keyword}")
