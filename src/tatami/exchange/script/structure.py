"""What a program of a network is made of: the parts of the model, and the patterns of its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from tatami.exchange.script.outline import Block, Item, outline
from tatami.exchange.script.patterns import Pattern, patterns
from tatami.exchange.script.spelling import Spelling, identifier
from tatami.network import Network, Node


@dataclass(frozen=True)
class Part:
    """A part of the model: a layer, a block, or equal blocks in a row."""

    name: str
    items: tuple[Item, ...]

    @property
    def last(self) -> str:
        """The name of the node that ends it."""
        item = self.items[-1]
        return item.nodes[-1].name if isinstance(item, Block) else item.name

    def paths(self) -> Iterator[tuple[Node, tuple[str, ...]]]:
        """Its layers, each with where it lies in the model: ``("block1", "0", "conv1")``."""
        for i, item in enumerate(self.items):
            if isinstance(item, Block):
                prefix = (self.name, str(i)) if len(self.items) > 1 else (self.name,)
                for node in item.nodes:
                    yield node, (*prefix, item.local_names()[node.name])
            else:
                yield item, (self.name,)


class Structure:
    """A network in parts.

    Attributes:
        parts: in order, from INPUT to the output.
        patterns: of all blocks.
        pattern_of: each block.
    """

    def __init__(self, network: Network, spell: Callable[[Node], Spelling]) -> None:
        items = outline(network)
        self.patterns = patterns([item for item in items if isinstance(item, Block)], spell)
        self.pattern_of: dict[Block, Pattern] = {block: found for found in self.patterns for block in found.blocks}
        self.parts = tuple(self._parts(items))

    def _parts(self, items: list[Item]) -> Iterator[Part]:
        taken = {f"block{i}" for i in range(1, len(items) + 1)}
        count = 0
        for _, group in groupby(items, key=self._key):
            alike = list(group)
            if isinstance(alike[0], Block):
                count += 1
                yield Part(f"block{count}", tuple(alike))
            else:
                yield from (Part(identifier(item.name, taken), (item,)) for item in alike if isinstance(item, Node))

    def _key(self, item: Item) -> object:
        """Equal for blocks that are the same but for their weights."""
        if isinstance(item, Node):
            return None
        pattern = self.pattern_of[item]
        return pattern.name, tuple(pattern.values(item).items())
