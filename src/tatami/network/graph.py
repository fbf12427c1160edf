"""Network: an immutable directed acyclic graph of named layers with resolved shapes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tatami.errors import NetworkError
from tatami.network.layers import Input, Layer, Parameter, Shape, size_text
from tatami.network.layers.arguments import MAX_PARAMETERS, MAX_VALUES


def default_name(layer: Layer, count: int) -> str:
    """The name of the ``count``-th layer of its kind: ``conv1``; ``relu6_1`` where the keyword ends in a digit."""
    stem = layer.keyword.lower()
    return f"{stem}_{count}" if stem[-1].isdigit() else f"{stem}{count}"


@dataclass(frozen=True)
class Node:
    """A layer in its place: its name, the names of the nodes that feed it, and the shape of its output."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    shape: Shape


def need_inputs(layer: Layer, inputs: tuple[str, ...], name: str) -> None:
    """Refuse a number of inputs that ``layer`` cannot have.

    Raises:
        NetworkError: none belong to INPUT, two or more to a merge, one to every other layer.
    """
    least, most = layer.arity
    if most is None and len(inputs) < least:
        raise NetworkError("too few inputs", where=name, got=len(inputs), expected=f"at least {least}")
    if most is not None and len(inputs) != most:
        raise NetworkError("wrong number of inputs", where=name, got=len(inputs), expected=f"{most}")


@lru_cache(maxsize=4096)  # a network's layers are alike, and so are a family's members
def _parameters(layer: Layer, *shapes: Shape) -> int:
    """How many parameters ``layer`` has, running statistics included."""
    return sum(parameter.size for parameter in layer.parameters(*shapes).values())


@dataclass(frozen=True, eq=False)
class Network:
    """Nodes in topological order: the first is INPUT, the last is the output.

    Networks with equal nodes are equal, whichever way they were made.

    Raises:
        NetworkError: when the nodes do not form such a graph, a shape does not follow from its inputs, or there are too
            many parameters or values.
    """

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        given: object = self.nodes
        if not isinstance(given, tuple) or not all(
            isinstance(node, Node) and isinstance(node.layer, Layer) for node in given
        ):
            raise NetworkError(
                "a network is made of nodes", got=type(given).__name__, expected="a tuple of Node with a layer"
            )
        known: dict[str, Node] = {}
        total = 0
        if not self.nodes or not isinstance(self.nodes[0].layer, Input):
            raise NetworkError("a network begins with INPUT")
        for node in self.nodes:
            if node.name in known:
                raise NetworkError("two layers have one name", got=node.name)
            missing = [name for name in node.inputs if name not in known]
            if missing:
                raise NetworkError("a layer's input does not come before it", where=node.name, got=missing[0])
            if known and isinstance(node.layer, Input):
                raise NetworkError("a network has one INPUT", got=node.name)
            need_inputs(node.layer, node.inputs, node.name)
            shapes = [known[name].shape for name in node.inputs]
            shape = node.layer.output_shape(*shapes)
            if shape != node.shape:
                raise NetworkError("shape does not follow", where=node.name, got=node.shape, expected=f"{shape}")
            known[node.name] = node
            total += _parameters(node.layer, *shapes)
            if total > MAX_PARAMETERS:
                raise NetworkError(
                    "too many parameters up to this layer",
                    where=node.name,
                    got=f"{total:,}",
                    expected=f"at most {MAX_PARAMETERS:,} in a network",
                )
            if math.prod(shape) > MAX_VALUES:
                raise NetworkError(
                    "too many values in one map",
                    where=node.name,
                    got=size_text(shape),
                    expected=f"at most {MAX_VALUES:,}",
                )

    def __eq__(self, other: object) -> bool:
        return self.nodes == other.nodes if isinstance(other, Network) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.nodes)

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def input_shape(self) -> Shape:
        """Shape of one sample."""
        return self.nodes[0].shape

    @property
    def output_shape(self) -> Shape:
        """Shape of the last layer's output for one sample."""
        return self.nodes[-1].shape

    def input_shapes(self, node: Node) -> tuple[Shape, ...]:
        """Shapes that come into ``node``."""
        return tuple(self._by_name[name].shape for name in node.inputs)

    def consumers(self) -> dict[str, list[str]]:
        """For every node, the nodes that it feeds, one entry for each use."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in node.inputs:
                found[name].append(node.name)
        return found

    def dominators(self) -> dict[str, str]:
        """For every node but the first, the last node before it that all paths to it share: its immediate dominator.

        Source: Cooper, Harvey & Kennedy 2001, A Simple, Fast Dominance Algorithm, figure 3.
        """
        depth = {self.nodes[0].name: 0}
        found: dict[str, str] = {}
        for node in self.nodes[1:]:
            common = node.inputs[0]
            for other in node.inputs[1:]:
                while common != other:
                    if depth[common] >= depth[other]:
                        common = found[common]
                    else:
                        other = found[other]
            found[node.name] = common
            depth[node.name] = depth[common] + 1
        return found

    def parameters(self) -> dict[str, Parameter]:
        """Every tensor by its full name, ``conv1.weight``, in the order of the layers."""
        return {
            f"{node.name}.{name}": parameter
            for node in self.nodes
            for name, parameter in node.layer.parameters(*self.input_shapes(node)).items()
        }
