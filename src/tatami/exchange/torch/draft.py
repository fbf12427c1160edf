"""The network while a module is read: layers in order, with their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tatami.engines.base import Array
from tatami.exchange.imported import Imported
from tatami.exchange.onnx.spelling import spelled
from tatami.exchange.onnx.views import View
from tatami.network import Network, Node
from tatami.network.graph import default_name
from tatami.network.layers import Flatten, Input, Layer, Shape, Shuffle


class CannotRead(Exception):  # noqa: N818  # it is no error of the user's until all of them are told
    """What tatami has no layer for. Says what."""


@dataclass(frozen=True, eq=False)
class Constant:
    """A parameter, a buffer, or another tensor that does not depend on the input."""

    tensor: Any

    @property
    def array(self) -> Array:
        """Its values, float32."""
        return np.asarray(self.tensor.detach().cpu().float().numpy())

    @property
    def key(self) -> tuple[int, int]:
        """The same for tensors that are one, whichever way they are seen."""
        return int(self.tensor.data_ptr()), int(self.tensor.numel())


@dataclass(frozen=True)
class Weight:
    """A layer's tensor in tatami's order, and of which tensor it is."""

    array: Array
    source: Constant | None = None


class Draft:
    """Layers so far, with numbers as names.

    Attributes:
        input: the samples.
    """

    def __init__(self, shape: Shape) -> None:
        self.nodes = {"0": Node("0", Input(shape), (), shape)}
        self.weights: dict[str, Mapping[str, Weight]] = {}
        self.paths: dict[str, str] = {"0": ""}
        self.input = View.of("0", shape)
        self._moved: dict[View, View] = {}  # views that SHUFFLE or FLATTEN has made anew

    def add(self, layer: Layer, inputs: tuple[View, ...], path: str, **weights: Weight) -> str:
        """Add a layer that reads the outputs of the views' layers; returns its name.

        Raises:
            NetworkError: it cannot take them.
        """
        shape = layer.output_shape(*(self.nodes[view.node].shape for view in inputs))
        name = str(len(self.nodes))
        self.nodes[name] = Node(name, layer, tuple(view.node for view in inputs), shape)
        self.weights[name], self.paths[name] = weights, path
        return name

    def shape(self, name: str) -> Shape:
        """Of a layer's output."""
        return self.nodes[name].shape

    def as_map(self, view: View, path: str) -> View:
        """The view where it lies (C, *spatial); channels that were dealt out anew are by SHUFFLE.

        Raises:
            CannotRead: it lies in another way.
        """
        if view.is_map or (len(view.shape) == 1 and view.channel_dim() == 0):
            return view
        depth = len(view.shape) - 1
        plain = View.of(view.node, view.shape)
        swapped = ((depth, 1), (depth, 0))
        if len(view.parts[depth]) == 2 and view.dims == (swapped, *plain.dims[1:]):
            if view not in self._moved:
                self._moved[view] = View.of(self.add(Shuffle(view.parts[depth][0]), (view,), path), view.shape)
            return self._moved[view]
        raise CannotRead(f"a map whose axes lie {view.sizes}")

    def as_vector(self, view: View, path: str) -> View:
        """The view where it is a vector: of one that was a map, the view of a FLATTEN."""
        if len(view.dims) != 1:
            raise CannotRead(f"a vector of {view.sizes}")
        if len(view.shape) == 1:
            return view
        if view in self._moved:
            return self._moved[view]
        name = self.add(Flatten(), (view,), path)
        places = [(axis, part) for axis, sizes in enumerate(view.parts) for part in range(len(sizes))]
        sizes = tuple(view.parts[axis][part] for axis, part in places)
        dims = (tuple((0, places.index(place)) for place in view.dims[0]),)
        self._moved[view] = View(name, self.shape(name), (sizes,), dims)
        return self._moved[view]

    def imported(self, output: View) -> Imported:
        """The network up to ``output``.

        Raises:
            CannotRead: its values lie in another order than those of the last layer.
        """
        if not (output.in_order or output.is_map or (len(output.dims) > 1 and output.channel_dim() is not None)):
            raise CannotRead("the output lies in an order that tatami does not have: a flattened map")
        live = {output.node}
        for name, node in reversed(self.nodes.items()):
            if name in live:
                live.update(node.inputs)
        names: dict[str, str] = {}
        counts: dict[str, int] = {}
        nodes, state, shared = [], {}, {}
        first: dict[object, str] = {}
        for key, node in self.nodes.items():
            if key not in live and node.inputs:
                continue
            stem = node.layer.keyword.lower()
            counts[stem] = counts.get(stem, 0) + 1
            name = names[key] = default_name(node.layer, counts[stem]) if node.inputs else stem
            nodes.append(Node(name, node.layer, tuple(names[source] for source in node.inputs), node.shape))
            for part, weight in self.weights.get(key, {}).items():
                state[f"{name}.{part}"] = weight.array
                if weight.source is not None:
                    known = first.setdefault((weight.source.key, part), f"{name}.{part}")
                    if known != f"{name}.{part}":
                        shared[f"{name}.{part}"] = known
        paths = {names[key]: path for key, path in self.paths.items() if key in names and path}
        return Imported(spelled(Network(tuple(nodes))), state, paths, shared)
