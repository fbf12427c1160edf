"""Which layers the CPU engine runs as one: a convolution with its activation, batch norm with sum and activation, ...

A layer joins the group before it when it is the only one to read that output, and when the kernel has the value in
hand anyway. In training a convolution is not joined by batch norm, which must see the whole batch first; at inference
it is folded into the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tatami.network import Network, Node
from tatami.network.layers import Add, BatchNorm, Conv, Dense, Layer, LeakyReLU, ReLU, ReLU6

BENDS = (ReLU, ReLU6, LeakyReLU)
"""Activations that are one comparison: their slope follows from their output."""


@dataclass(frozen=True)
class Group:
    """Layers that run as one.

    Attributes:
        nodes: in order; the first gives the group its kernel.
    """

    nodes: tuple[Node, ...]

    @property
    def head(self) -> Node:
        """The layer that gives the group its kernel."""
        return self.nodes[0]

    @property
    def layer(self) -> Layer:
        """That of the head."""
        return self.head.layer

    @property
    def last(self) -> Node:
        """The node whose output is the group's."""
        return self.nodes[-1]

    @property
    def activation(self) -> Layer | None:
        """The fused activation."""
        layer = self.last.layer
        return layer if len(self.nodes) > 1 and isinstance(layer, BENDS) else None

    @property
    def norm(self) -> Node | None:
        """The batch norm that is folded into a convolution."""
        return next((node for node in self.nodes[1:] if isinstance(node.layer, BatchNorm)), None)

    @property
    def shortcut(self) -> str | None:
        """The node that a fused ADD adds to the head's output."""
        for before, node in zip(self.nodes, self.nodes[1:], strict=False):
            if isinstance(node.layer, Add):
                first, second = node.inputs
                return second if first == before.name else first
        return None

    @property
    def name(self) -> str:
        """The names of its layers: ``conv1+relu1``."""
        return "+".join(node.name for node in self.nodes)


def make_groups(network: Network, training: bool) -> list[Group]:
    """The groups, in an order in which they can run."""
    readers = network.consumers()
    by_name = {node.name: node for node in network}
    taken: set[str] = set()
    groups = []

    def only_reader(node: Node) -> Node | None:
        names = readers[node.name]
        return by_name[names[0]] if len(names) == 1 and names[0] not in taken else None

    def join(nodes: list[Node], kinds: type[Layer] | Sequence[type[Layer]]) -> None:
        reader = only_reader(nodes[-1])
        if reader is not None and isinstance(reader.layer, tuple(kinds) if isinstance(kinds, Sequence) else kinds):
            if isinstance(reader.layer, Add) and len(reader.inputs) != 2:
                return
            nodes.append(reader)
            taken.add(reader.name)

    for node in network:
        if node.name in taken:
            continue
        nodes = [node]
        taken.add(node.name)
        if isinstance(node.layer, Conv) and not training:
            join(nodes, BatchNorm)
        if isinstance(node.layer, BatchNorm):
            join(nodes, Add)
        if isinstance(node.layer, (Conv, Dense, BatchNorm, Add)):
            join(nodes, BENDS)
        groups.append(Group(tuple(nodes)))
    place = {node.name: i for i, node in enumerate(network)}
    return sorted(groups, key=lambda group: place[group.last.name])
