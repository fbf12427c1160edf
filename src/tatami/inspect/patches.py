"""The pieces of samples at which a unit answers most strongly.

Source: Zeiler & Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4, who show the nine
strongest of a feature map.

In the shape comments: N samples, n of a batch, C units, * the positions of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tatami.data import Split
from tatami.data.dataset import Array
from tatami.errors import DataError
from tatami.inspect.checks import need_count, need_layer, need_unit
from tatami.inspect.field import Span, field_of
from tatami.inspect.passes import in_batches, outputs_of
from tatami.inspect.subject import Subject
from tatami.network import Network, Node


@dataclass(frozen=True)
class Patch:
    """Where in a sample a unit answers most strongly.

    Attributes:
        index: of the sample.
        value: the unit's answer.
        position: in the layer's map; of equal answers the first in row order. Empty for a layer without positions.
        field: what the unit sees there, as (start, stop) along each axis of the sample.
    """

    index: int
    value: float
    position: tuple[int, ...]
    field: tuple[Span, ...]


def top_patches(subject: Subject, samples: Split | Array, layer: str, unit: int, count: int = 9) -> list[Patch]:
    """The samples for which a unit answers most strongly, the strongest first; of equal ones, the first.

    Each sample gives one patch, at the unit's strongest answer; one whose answers are all NaN gives none. Samples go
    through in batches, and no more than ``count`` patches are kept.

    Args:
        subject: the network.
        samples: raw, (N, *input), perhaps a memory map.
        layer: its name.
        unit: the channel of its output.
        count: the most patches.

    Raises:
        OptionError: no such layer or unit, or no patches are asked for.
        DataError: samples of another shape, or none.
    """
    return top_patches_of_units(subject, samples, {layer: [unit]}, count)[layer, unit]


def top_patches_of_units(
    subject: Subject,
    samples: Split | Array,
    units: Mapping[str, Sequence[int]],
    count: int = 9,
    progress: Callable[[int, int], None] | None = None,
) -> dict[tuple[str, int], list[Patch]]:
    """As :func:`top_patches` for many units, while the samples go through once.

    Args:
        subject: the network.
        samples: raw, (N, *input), perhaps a memory map.
        units: of each layer, the channels of its output.
        count: the most patches of a unit.
        progress: is told how many of how many samples are done, after each batch.

    Returns:
        The patches of each unit, by layer and channel, in the order of ``units``.
    """
    nodes = {layer: need_layer(subject.network, layer) for layer in units}
    for layer, channels in units.items():
        for unit in channels:
            need_unit(nodes[layer], unit)
    need_count("count", count)
    raw = samples.x if isinstance(samples, Split) else samples
    if not len(raw):
        raise DataError("no samples to look through", where="samples", expected="at least 1")
    best = {(layer, unit): _Best(count) for layer, channels in units.items() for unit in channels}
    done = 0
    for batch in in_batches(raw) if best else ():
        outputs = outputs_of(subject, subject.prepare(batch), units)
        for (layer, unit), kept in best.items():
            kept.add(outputs[layer][..., unit].reshape(len(batch), -1))
        done += len(batch)
        if progress is not None:
            progress(done, len(raw))
    return {(layer, unit): kept.patches(subject.network, nodes[layer]) for (layer, unit), kept in best.items()}


class _Best:
    """The samples of one unit's strongest answers so far."""

    def __init__(self, count: int) -> None:
        self.count, self.seen = count, 0
        self.values = np.empty(0, np.float32)
        self.indices, self.places = np.empty(0, np.int64), np.empty(0, np.int64)

    def add(self, answers: Array) -> None:
        """Take in the unit's answers to a batch, (n, positions)."""
        answers = np.where(np.isnan(answers), -np.inf, answers)
        best, rows = answers.argmax(axis=1), np.arange(len(answers))
        values = np.concatenate([self.values, answers[rows, best]])
        kept = np.argsort(-values, kind="stable")[: self.count]
        kept = kept[values[kept] > -np.inf]
        self.values = values[kept]
        self.indices = np.concatenate([self.indices, self.seen + rows])[kept]
        self.places = np.concatenate([self.places, best])[kept]
        self.seen += len(answers)

    def patches(self, network: Network, node: Node) -> list[Patch]:
        """Where the node's unit answers so, and what it sees there."""
        found = []
        for value, index, place in zip(self.values.tolist(), self.indices.tolist(), self.places, strict=True):
            at = np.unravel_index(place, node.shape[:-1]) if len(node.shape) > 1 else ()
            position = tuple(int(step) for step in at)
            found.append(Patch(index, value, position, field_of(network, node.name, position)))
        return found
