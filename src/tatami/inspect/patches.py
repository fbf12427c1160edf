"""The pieces of samples at which a unit answers most strongly.

Source: Zeiler & Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4, who show the nine
strongest of a feature map.

In the shape comments: N samples, n of a batch, C units, * the positions of a map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.data import Split
from tatami.data.dataset import Array
from tatami.errors import DataError
from tatami.inspect.checks import need_count, need_layer, need_unit
from tatami.inspect.field import Span, field_of
from tatami.inspect.passes import in_batches, output_of
from tatami.inspect.subject import Subject


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
    node = need_layer(subject.network, layer)
    need_unit(node, unit)
    need_count("count", count)
    raw = samples.x if isinstance(samples, Split) else samples
    if not len(raw):
        raise DataError("no samples to look through", where="samples", expected="at least 1")
    values = np.empty(0, np.float32)
    indices, places = np.empty(0, np.int64), np.empty(0, np.int64)
    seen = 0
    for batch in in_batches(raw):
        answers = output_of(subject, subject.prepare(batch), layer)[..., unit].reshape(len(batch), -1)  # (n, *)
        answers = np.where(np.isnan(answers), -np.inf, answers)
        best = answers.argmax(axis=1)
        values = np.concatenate([values, answers[np.arange(len(batch)), best]])
        indices = np.concatenate([indices, np.arange(seen, seen + len(batch))])
        places = np.concatenate([places, best])
        kept = np.argsort(-values, kind="stable")[:count]
        kept = kept[values[kept] > -np.inf]
        values, indices, places = values[kept], indices[kept], places[kept]
        seen += len(batch)
    found = []
    for value, index, place in zip(values.tolist(), indices.tolist(), places, strict=True):
        position = tuple(int(at) for at in np.unravel_index(place, node.shape[:-1])) if len(node.shape) > 1 else ()
        found.append(Patch(index, value, position, field_of(subject.network, layer, position)))
    return found
