"""The tensors that are there all the time: parameters, running statistics, the optimizer's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from tatami.network import Network
from tatami.recipe import SGD, Optimizer

ConstantKind: TypeAlias = Literal["weights", "running statistics", "optimizer"]

FLOAT32 = 4


@dataclass(frozen=True)
class Constant:
    """A tensor by name, in bytes."""

    name: str
    kind: ConstantKind
    size: int


def constant_tensors(network: Network, optimizer: Optimizer | None) -> list[Constant]:
    """What PyTorch holds from step to step, in the order in which it is made.

    Args:
        network: any network.
        optimizer: of the training, which holds the running statistics twice: a step that fails gives them back. None
            for inference.
    """
    parameters = network.parameters()
    found = [
        Constant(name, "weights" if parameter.trainable else "running statistics", FLOAT32 * parameter.size)
        for name, parameter in parameters.items()
    ]
    if optimizer is None:
        return found
    found += [
        Constant(f"{name} before", "running statistics", FLOAT32 * parameter.size)
        for name, parameter in parameters.items()
        if not parameter.trainable
    ]
    for name, parameter in parameters.items():
        if not parameter.trainable:
            continue
        if optimizer.slots and not isinstance(optimizer, SGD):
            found.append(Constant(f"{name}.step", "optimizer", FLOAT32))  # each counts for itself
        found += [Constant(f"{name}.{slot}", "optimizer", FLOAT32 * parameter.size) for slot in optimizer.slots]
    return found
