"""Memory of a network in bytes, from counts of values.

Two views so far. *Textbook*: the memo's formula, W*H*filters*4 bytes a map, and about twice that with the backward
pass. *By kind*: weights, gradients, optimizer state, activations of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass

from tatami.plan.cost import LayerCost
from tatami.recipe import Optimizer

FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class Memory:
    """Bytes in float32, for one step on ``batch`` samples.

    Attributes:
        textbook_forward_bytes: every activation map once, ReLU in place, the input included.
        textbook_training_bytes: twice that, for the gradients of the maps.
        weights: parameters and running statistics.
        gradients: one value a trainable parameter.
        optimizer: its state, so many values a trainable parameter.
        activations: the maps of the batch that the backward pass needs, ReLU in place.
    """

    batch: int
    textbook_forward_bytes: int
    textbook_training_bytes: int
    weights: int
    gradients: int
    optimizer: int
    activations: int


def memory(costs: tuple[LayerCost, ...], batch: int, optimizer: Optimizer) -> Memory:
    """The memory of one training step on ``batch`` samples."""
    forward = FLOAT32 * batch * sum(cost.activation_values for cost in costs)
    trainable = FLOAT32 * sum(cost.params for cost in costs)
    return Memory(
        batch=batch,
        textbook_forward_bytes=forward,
        textbook_training_bytes=2 * forward,
        weights=trainable + FLOAT32 * sum(cost.buffers for cost in costs),
        gradients=trainable,
        optimizer=len(optimizer.slots) * trainable,
        activations=forward,
    )
