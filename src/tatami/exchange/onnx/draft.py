"""The network while it is read: layers in order, with tensors that are made when it is known that they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from tatami.engines.base import Array
from tatami.errors import NetworkError
from tatami.exchange.onnx.limits import shown
from tatami.exchange.onnx.views import View
from tatami.network import Network
from tatami.network.graph import Node, default_name
from tatami.network.layers import Layer, Shape

Tensor: TypeAlias = Callable[[], Array]


@dataclass(frozen=True)
class Entry:
    """A layer, the layers before it, the shape of its output, its tensors, and the operator that asked for it."""

    layer: Layer
    inputs: tuple[str, ...]
    shape: Shape
    tensors: Mapping[str, Tensor] = field(repr=False)
    operation: str


@dataclass
class Draft:
    """Layers so far, by numbers as names.

    Attributes:
        joined: for the layers whose outputs are joined somewhere, in order, the CONCAT that does.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    joined: dict[tuple[str, ...], View] = field(default_factory=dict)

    def add(
        self, layer: Layer, inputs: tuple[View, ...], operation: str, tensors: Mapping[str, Tensor] | None = None
    ) -> View:
        """Add a layer; returns its output, channels first.

        Raises:
            NetworkError: the layer cannot take its inputs.
        """
        try:
            shape = layer.output_shape(*(view.shape for view in inputs))
        except NetworkError as error:
            error.where = shown(operation)
            raise
        key = str(len(self.entries))
        self.entries[key] = Entry(layer, tuple(view.node for view in inputs), shape, tensors or {}, operation)
        return View.of(key, shape)

    def live(self, output: str) -> list[str]:
        """The layers that the one called ``output`` needs, in order, and INPUT."""
        needed = {output, "0"}
        for key in reversed(self.entries):
            if key in needed:
                needed.update(self.entries[key].inputs)
        return [key for key in self.entries if key in needed]

    def finished(self, output: str, own_names: bool) -> tuple[Network, dict[str, str]]:
        """The network up to ``output``, and for each of its layers what it is called here.

        Args:
            output: the last layer.
            own_names: whether layers are called as the operators are.
        """
        names: dict[str, str] = {}
        counts: dict[str, int] = {}
        nodes, taken = [], set[str]()
        for key in self.live(output):
            entry = self.entries[key]
            stem = entry.layer.keyword.lower()
            name = default_name(entry.layer, counts.get(stem, 0) + 1) if entry.inputs else stem
            own = entry.operation.partition("/")[0]
            if own_names and entry.inputs and own not in taken:
                name = own
            else:
                counts[stem] = counts.get(stem, 0) + 1
                while name in taken:
                    counts[stem] += 1
                    name = default_name(entry.layer, counts[stem])
            names[key] = name
            taken.add(name)
            nodes.append(Node(name, entry.layer, tuple(names[source] for source in entry.inputs), entry.shape))
        return Network(tuple(nodes)), {name: key for key, name in names.items()}

    def state(self, network: Network, keys: Mapping[str, str]) -> dict[str, Array]:
        """The tensors of a finished network by name, float32."""
        found = {}
        for node in network:
            for name, parameter in node.layer.parameters(*network.input_shapes(node)).items():
                array = self.entries[keys[node.name]].tensors[name]()
                # Its own memory: what was read lies in the file's, which cannot be written.
                found[f"{node.name}.{name}"] = np.array(np.broadcast_to(array, parameter.shape), np.float32)
        return found
