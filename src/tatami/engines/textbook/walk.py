"""The passes through a whole network: :func:`forward` from layer to layer, :func:`backward` by the chain rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from tatami.engines.base import Array
from tatami.engines.textbook.rules import Backward, Mode, Weights, run
from tatami.network import Node
from tatami.network.layers import Input

# The layers that ran, each with its way back.
Tape: TypeAlias = list[tuple[Node, Backward]]


def walk(
    nodes: Sequence[Node], weights: Mapping[str, Weights], x: Array, modes: Sequence[Mode]
) -> Iterator[tuple[Node, Array, Backward]]:
    """Run the layers in order; yield each one's output and its way back.

    Args:
        nodes: in topological order, INPUT first.
        weights: for each node, its tensors by name.
        x: samples, (N, *input).
        modes: how each node runs.
    """
    last_reader = {name: node.name for node in nodes for name in node.inputs}
    values: dict[str, Array] = {}
    back: Backward
    for node, mode in zip(nodes, modes, strict=True):
        if isinstance(node.layer, Input):
            output, back = x, _to_nobody
        else:
            output, back = run(node.layer, weights[node.name], mode, *(values[name] for name in node.inputs))
        for name in set(node.inputs):
            if last_reader[name] == node.name:
                del values[name]  # from here on it lives only where a backward pass needs it
        values[node.name] = output
        yield node, output, back


def _to_nobody(dY: Array) -> tuple[tuple[Array, ...], dict[str, Array]]:
    return (), {}


def forward(
    nodes: Sequence[Node], weights: Mapping[str, Weights], x: Array, modes: Sequence[Mode]
) -> tuple[Array, Tape]:
    """The last node's output, and the tape that :func:`backward` winds back."""
    tape: Tape = []
    output = x
    for node, output, back in walk(nodes, weights, x, modes):  # noqa: B007
        tape.append((node, back))
    return output, tape


def infer(nodes: Sequence[Node], weights: Mapping[str, Weights], x: Array) -> Array:
    """The last node's output in inference mode; keeps nothing for a way back."""
    output = x
    for _, output, _ in walk(nodes, weights, x, [Mode()] * len(nodes)):  # noqa: B007
        pass
    return output


def backward(
    tape: Tape, dY: Array, watch: Callable[[str, Array], object] | None = None
) -> tuple[Array, dict[str, Array]]:
    """Wind the tape back: from the gradient for the output to those for the input and for every weight.

    Where an output fed several layers, the gradients that come back from them are summed. The tape is empty afterwards:
    each layer's arrays are let go as soon as they have served.

    Args:
        tape: of a forward pass.
        dY: the gradient for the output.
        watch: is told of every layer that leads to the output, with the whole gradient for that layer's output.
    """
    flowing = {tape[-1][0].name: dY}
    gradients: dict[str, Array] = {}
    while tape:
        node, back = tape.pop()
        if node.name not in flowing:
            continue  # it feeds nothing that leads to the output
        dY = flowing.pop(node.name)
        if watch is not None:
            watch(node.name, dY)
        d_inputs, d_weights = back(dY)
        for name, dX in zip(node.inputs, d_inputs, strict=True):
            flowing[name] = flowing[name] + dX if name in flowing else dX
        gradients |= {f"{node.name}.{name}": value for name, value in d_weights.items()}
    return dY, gradients
