"""A network as a sequence: layers that every path takes, and between them blocks where paths part and meet again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from tatami.errors import NetworkError
from tatami.network import Network, Node, network_program
from tatami.network.graph import default_name
from tatami.network.layers import Activation, Input
from tatami.notation import print_text


@dataclass(frozen=True)
class Block:
    """Layers between two places that every path takes.

    Attributes:
        source: the node that the block reads.
        nodes: its layers in order; the last one's output is the block's. An activation right behind belongs to it.
    """

    source: Node
    nodes: tuple[Node, ...]

    def local_names(self) -> dict[str, str]:
        """For each node, its name within the block: ``conv1`` for the first CONV, wherever the block stands."""
        counts: dict[str, int] = {}
        names = {}
        for node in self.nodes:
            counts[node.layer.keyword] = counts.get(node.layer.keyword, 0) + 1
            names[node.name] = default_name(node.layer, counts[node.layer.keyword])
        return names

    def notation(self) -> str:
        """The block in notation; empty where its paths cross."""
        names = {self.source.name: "input", **self.local_names()}
        first = Node("input", Input(self.source.shape), (), self.source.shape)
        rest = [
            Node(names[node.name], node.layer, tuple(names[name] for name in node.inputs), node.shape)
            for node in self.nodes
        ]
        try:
            return print_text(network_program(Network((first, *rest)))).partition(" -> ")[2]
        except NetworkError:
            return ""


Item: TypeAlias = Node | Block


def outline(network: Network) -> list[Item]:
    """The layers behind INPUT that lead to the output, in order."""
    live = {network.nodes[-1].name}
    for node in reversed(network.nodes):
        if node.name in live:
            live.update(node.inputs)
    nodes = [node for node in network.nodes if node.name in live]
    dominators = network.dominators()
    spine = [network.nodes[-1].name]
    while spine[-1] in dominators:
        spine.append(dominators[spine[-1]])
    taken = set(spine)
    items: list[Item] = []
    waiting: list[Node] = []
    source = nodes[0]
    for node in nodes[1:]:
        waiting.append(node)
        if node.name not in taken:
            continue
        if len(waiting) > 1 or len(node.inputs) > 1:
            items.append(Block(source, tuple(waiting)))
        elif items and isinstance(items[-1], Block) and isinstance(node.layer, Activation) and _ends(items[-1]):
            items[-1] = Block(items[-1].source, (*items[-1].nodes, node))
        else:
            items.append(node)
        waiting, source = [], node
    return items


def _ends(block: Block) -> bool:
    """Whether the block has no activation behind its end yet."""
    return len(block.nodes[-1].inputs) > 1
