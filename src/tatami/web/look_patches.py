"""The pieces of the run's test at which units answer most strongly, found for all units of a layer at once.

In the shape comments: N samples, n of a batch, C units, * the positions of a map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data.dataset import Array
from tatami.inspect.checks import need_layer
from tatami.inspect.field import field_of
from tatami.inspect.passes import BATCH, output_of
from tatami.inspect.patches import Patch
from tatami.inspect.subject import Subject
from tatami.web.look_jobs import Progress


@dataclass(frozen=True, eq=False)
class Strongest:
    """The strongest answer of every unit of a layer to every sample.

    Attributes:
        layer: its name.
        values: (N, C); NaN counts as the weakest.
        places: where in the map, counted in row order, (N, C).
    """

    layer: str
    values: NDArray[np.float32]
    places: NDArray[np.int64]

    def patches(self, subject: Subject, unit: int, count: int) -> list[Patch]:
        """As :func:`tatami.inspect.patches.top_patches` finds them."""
        sizes = need_layer(subject.network, self.layer).shape[:-1]
        found = []
        for row in np.argsort(-self.values[:, unit], kind="stable")[:count]:
            place = np.unravel_index(int(self.places[row, unit]), sizes) if sizes else ()
            position = tuple(int(at) for at in place)
            field = field_of(subject.network, self.layer, position)
            found.append(Patch(int(row), float(self.values[row, unit]), position, field))
        return found


def strongest(subject: Subject, raw: Array, layer: str, progress: Progress) -> Strongest:
    """Look through samples, a batch at a time.

    Args:
        subject: the network.
        raw: samples, (N, *input).
        layer: its name.
        progress: is told how many samples are done.
    """
    values, places = [], []
    for start in range(0, len(raw), BATCH):
        batch = np.asarray(raw[start : start + BATCH])
        answers = output_of(subject, subject.prepare(batch), layer)
        answers = answers.reshape(len(batch), -1, answers.shape[-1])  # (n, *, C)
        answers = np.where(np.isnan(answers), -np.inf, answers)
        best = answers.argmax(axis=1)  # (n, C)
        values.append(np.take_along_axis(answers, best[:, None], axis=1)[:, 0])
        places.append(best)
        progress(start + len(batch), len(raw))
    return Strongest(layer, np.concatenate(values), np.concatenate(places))
