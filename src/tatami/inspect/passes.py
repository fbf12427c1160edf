"""Both passes through a network at rest, with everything on the way kept: what layers answer, and what moves a score.

The textbook engine walks the layers in inference mode; the weights may come from any engine.

In the shape comments: N samples, K outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tatami.engines.base import Array
from tatami.engines.checks import check_samples
from tatami.engines.textbook.rules import Mode
from tatami.engines.textbook.walk import backward, forward, walk
from tatami.engines.threads import one_blas_thread
from tatami.inspect.checks import need_layer, need_targets
from tatami.inspect.subject import Subject
from tatami.network import Node
from tatami.network.layers import Softmax

BATCH = 64
"""Samples that go through at once where there are many and not all activations are kept."""

_FLOAT = np.dtype(np.float32)

# An overflow shows in the values themselves.
_without_warnings = np.errstate(over="ignore", invalid="ignore", divide="ignore")


@dataclass(frozen=True, eq=False)
class Gradients:
    """What moves the score of each sample's target.

    Attributes:
        scores: (N,), of the targets, before a final SOFTMAX.
        input: (N, *input), the gradient for every value of the samples.
        activations: for every layer's output, (N, *its shape), by the layer's name; zeros where the score does not
            depend on it. A final SOFTMAX stands behind the scores and is not among them.
        weights: for every trainable tensor by its full name, summed over the samples.
    """

    scores: NDArray[np.float32]
    input: NDArray[np.float32]
    activations: dict[str, Array]
    weights: dict[str, Array]


def scored_layers(subject: Subject) -> Sequence[Node]:
    """The layers up to the scores: all but a final SOFTMAX."""
    nodes = subject.network.nodes
    return nodes[:-1] if isinstance(nodes[-1].layer, Softmax) else nodes


def activations(subject: Subject, x: ArrayLike) -> dict[str, Array]:
    """Every layer's output in inference mode, by name, in the network's order: INPUT first, the output last.

    Layers that only move values share memory with their input: the arrays are not to be written to.

    Args:
        subject: the network.
        x: prepared samples, (N, *input).

    Returns:
        float32 (N, *shape of the layer) each.

    Raises:
        DataError: samples of another shape, or none.
    """
    return outputs_of(subject, x, [node.name for node in subject.network])


def output_of(subject: Subject, x: ArrayLike, layer: str) -> Array:
    """The output of one layer, (N, *its shape), as :func:`outputs_of`."""
    return outputs_of(subject, x, [layer])[layer]


@one_blas_thread
@_without_warnings
def outputs_of(subject: Subject, x: ArrayLike, layers: Collection[str]) -> dict[str, Array]:
    """The outputs of some layers, (N, *their shape), in inference mode; only the layers up to the last of them run.

    Raises:
        DataError: samples of another shape, or none.
        OptionError: no such layer.
    """
    x = check_samples(x, subject.network.input_shape, _FLOAT)
    nodes = subject.network.nodes
    end = 1 + max(nodes.index(need_layer(subject.network, layer)) for layer in layers)
    walked = walk(nodes[:end], subject.weights, x, [Mode()] * end)
    return {node.name: output for node, output, _ in walked if node.name in layers}


def scores(subject: Subject, x: ArrayLike) -> Array:
    """The scores, (N, K), before a final SOFTMAX.

    Raises:
        DataError: samples of another shape, or none.
    """
    return output_of(subject, x, scored_layers(subject)[-1].name)


@one_blas_thread
@_without_warnings
def gradients(subject: Subject, x: ArrayLike, targets: ArrayLike) -> Gradients:
    """The gradients of the targets' scores in inference mode, for the samples, all activations and all weights.

    Args:
        subject: the network.
        x: prepared samples, (N, *input).
        targets: the output whose score is looked at: one for all samples, or one each, (N,).

    Raises:
        DataError: samples of another shape, or none.
        OptionError: a target that the network does not have.
    """
    x = check_samples(x, subject.network.input_shape, _FLOAT)
    rows, columns = np.arange(len(x)), need_targets(subject.network, targets, len(x))
    nodes = scored_layers(subject)
    output, tape = forward(nodes, subject.weights, x, [Mode()] * len(nodes))  # (N, K)
    d_scores = np.zeros_like(output)
    d_scores[rows, columns] = 1
    reached: dict[str, Array] = {}
    d_input, d_weights = backward(tape, d_scores, reached.__setitem__)
    all_activations = {
        node.name: reached[node.name] if node.name in reached else np.zeros((len(x), *node.shape), _FLOAT)
        for node in nodes
    }
    parameters = subject.network.parameters().items()
    all_weights = {
        name: d_weights[name] if name in d_weights else np.zeros(parameter.shape, _FLOAT)
        for name, parameter in parameters
        if parameter.trainable
    }
    return Gradients(output[rows, columns], d_input, all_activations, all_weights)


def in_batches(x: Array, size: int = BATCH) -> Iterator[Array]:
    """Samples a few at a time; of a memory map only these are read."""
    return (np.asarray(x[start : start + size]) for start in range(0, len(x), size))
