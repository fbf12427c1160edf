"""The filters of a layer: what each of its units looks for.

In the shape comments: *F window sizes, C channels of a group, K filters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.errors import OptionError
from tatami.inspect.checks import need_layer
from tatami.inspect.subject import Subject
from tatami.network import Network
from tatami.network.layers import Conv, Dense, Dropout, Flatten, Input


@dataclass(frozen=True, eq=False)
class Filters:
    """The weights of CONV or FC as pictures or curves.

    Attributes:
        layer: its name.
        values: (*F, C, K); of FC, which sees the whole of its input, *F are that input's sizes.
        first: whether they look at the input itself, so that channels are those of the samples.
    """

    layer: str
    values: NDArray[np.float32]
    first: bool

    def normalised(self) -> NDArray[np.float32]:
        """Each filter by itself to -1 to 1, zero kept at zero; a filter of zeros stays as it is."""
        largest = np.abs(self.values).max(axis=tuple(range(self.values.ndim - 1)))  # (K,)
        largest[largest == 0] = 1
        scaled: NDArray[np.float32] = self.values / largest
        return scaled


def filters(subject: Subject, layer: str) -> Filters:
    """The filters of ``layer``.

    Raises:
        OptionError: no such layer, or one without filters; the hint names those that have some.
    """
    network = subject.network
    node = need_layer(network, layer)
    if not isinstance(node.layer, (Conv, Dense)):
        raise OptionError(
            "this layer has no filters", where=layer, got=node.layer.keyword, hint=_hint(layers_with_filters(network))
        )
    values = subject.weights[layer]["weight"]
    source = network[node.inputs[0]]
    while isinstance(source.layer, (Flatten, Dropout)):  # they change no value, and FC flattens by itself
        source = network[source.inputs[0]]
    if isinstance(node.layer, Dense):
        values = values.reshape(*source.shape, -1)
    return Filters(layer, values, isinstance(source.layer, Input))


def layers_with_filters(network: Network) -> list[str]:
    """The names of all CONV and FC layers."""
    return [node.name for node in network if isinstance(node.layer, (Conv, Dense))]


def _hint(names: list[str]) -> str:
    return f"layers with filters: {', '.join(names)}" if names else "this network has none"
