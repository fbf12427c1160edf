"""How the units of each layer answer over many samples: the dead, the saturated, and how large the answers are.

A unit is a channel of a layer's output; its answers are the values at all positions, for all samples.

In the shape comments: N samples, C units, * the positions of a map.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data import Split
from tatami.data.dataset import Array
from tatami.errors import DataError
from tatami.inspect.passes import activations, in_batches
from tatami.inspect.subject import Subject
from tatami.network import Node
from tatami.network.layers import HardSigmoid, Layer, ReLU, ReLU6, Sigmoid, Tanh

MARGIN = 0.05
"""Answers within this part of an activation's range from a bound are saturated: there the gradient nearly vanishes."""

_BETWEEN: Mapping[type[Layer], tuple[float, float]] = {
    Sigmoid: (MARGIN, 1 - MARGIN),
    HardSigmoid: (MARGIN, 1 - MARGIN),
    Tanh: (-1 + 2 * MARGIN, 1 - 2 * MARGIN),
    ReLU6: (-math.inf, 6 * (1 - MARGIN)),
}


@dataclass(frozen=True, eq=False)
class LayerUnits:
    """The answers of a layer's units.

    Attributes:
        layer, keyword: its name, and its kind as the notation writes it.
        units: how many it has.
        dead: those that were never above 0, ascending; None but behind RELU and RELU6, whose dead units pass no
            gradient and so cannot learn.
        saturated: the share of answers near a bound of SIGMOID, TANH or HSIGMOID (either), or near that of RELU6
            (the upper); None for other layers. Source: Glorot & Bengio 2010, section 3.
        mean, sd: of all answers.
        sparsity: the share of answers that are exactly 0.
        means, largest: of each unit, (C,).
    """

    layer: str
    keyword: str
    units: int
    dead: tuple[int, ...] | None
    saturated: float | None
    mean: float
    sd: float
    sparsity: float
    means: NDArray[np.float64]
    largest: NDArray[np.float32]


def unit_statistics(subject: Subject, samples: Split | Array) -> dict[str, LayerUnits]:
    """Statistics of every layer, by name, in the network's order.

    Args:
        subject: the network.
        samples: raw, (N, *input), perhaps a memory map; they go through in batches.

    Raises:
        DataError: samples of another shape, or none.
    """
    raw = samples.x if isinstance(samples, Split) else samples
    if not len(raw):
        raise DataError("no samples to look at", where="samples", expected="at least 1")
    counts = {node.name: _Count(node) for node in subject.network}
    for batch in in_batches(raw):
        for name, output in activations(subject, subject.prepare(batch)).items():
            counts[name].add(output)
    return {name: count.result() for name, count in counts.items()}


class _Count:
    """Running sums over batches of a layer's output."""

    def __init__(self, node: Node) -> None:
        self.node, self.between = node, _BETWEEN.get(type(node.layer))
        units = node.shape[-1]
        self.answers = 0  # a unit
        self.sums, self.squares = np.zeros(units), np.zeros(units)
        self.largest = np.full(units, -np.inf, np.float32)
        self.zeros = self.saturated = 0

    @np.errstate(invalid="ignore")  # infinities of both signs have no sum
    def add(self, output: Array) -> None:
        answers = output.reshape(-1, output.shape[-1])  # (n * positions, C)
        self.answers += len(answers)
        self.sums += answers.sum(axis=0, dtype=np.float64)
        self.squares += np.square(answers, dtype=np.float64).sum(axis=0)
        np.maximum(self.largest, answers.max(axis=0), out=self.largest)
        self.zeros += int(np.count_nonzero(answers == 0))
        if self.between is not None:
            lower, upper = self.between
            self.saturated += int(np.count_nonzero((answers <= lower) | (answers >= upper)))

    @np.errstate(invalid="ignore")
    def result(self) -> LayerUnits:
        units, layer = self.node.shape[-1], self.node.layer
        total = self.answers * units
        mean = float(self.sums.sum() / total)
        return LayerUnits(
            self.node.name,
            layer.keyword,
            units,
            tuple(np.flatnonzero(self.largest <= 0).tolist()) if isinstance(layer, (ReLU, ReLU6)) else None,
            None if self.between is None else self.saturated / total,
            mean,
            math.sqrt(max(float(self.squares.sum()) / total - mean**2, 0.0)),
            self.zeros / total,
            self.sums / self.answers,
            self.largest,
        )
