"""A network's outline: what its drawing shows, before a place is given to anything.

The graph is read as rows: one block after another, and at a join the rows of its branches. Element-wise layers are
edges of the block before them; a row of equal blocks is one run with a count.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from tatami.network import Network, Node
from tatami.network.layers import (
    Activation,
    BatchNorm,
    Dropout,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Merge,
    Scale,
    Shape,
    Shuffle,
    Softmax,
)
from tatami.views.fold import fold

EDGES: tuple[type[Layer], ...] = (
    *(Activation, Softmax, BatchNorm, LayerNorm, LocalResponseNorm, Dropout, Scale, Shuffle),
)
MAX_NESTING = 4  # joins within joins; what is deeper is one lump
MAX_BRANCH = 24  # blocks in a branch; a longer one is one lump
MAX_BRANCHES = 8  # of one join; where more meet, they are one lump
_SEVERAL = 4  # so many single equal blocks are still drawn one by one


@dataclass(frozen=True)
class Block:
    """A layer with the element-wise layers around it; without a layer (``node`` is None), these alone."""

    node: Node | None
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All its layers, in order."""
        return (*self.before, *(() if self.node is None else (self.node,)), *self.after)


@dataclass(frozen=True)
class Join:
    """A layer where branches meet, with the rows of its branches; an empty row is a path straight from the fork."""

    node: Node
    branches: tuple[Row, ...]
    after: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Lump:
    """Many layers drawn as one block."""

    inner: tuple[Node, ...]
    after: tuple[Node, ...] = ()


Item: TypeAlias = Block | Join | Lump


@dataclass(frozen=True)
class Run:
    """Items that stand ``count`` times in a row."""

    items: tuple[Item, ...]
    count: int


Row: TypeAlias = tuple[Run, ...]


def outline(network: Network) -> Row:
    """The network as one row."""
    return _Reader(network).row(None, network.nodes[-1].name, 0)


def output_of(item: Item) -> Shape:
    """The shape that leaves an item."""
    if isinstance(item, Block):
        return item.nodes[-1].shape
    return item.node.shape if isinstance(item, Join) else item.inner[-1].shape


def blocks_in(row: Row) -> int:
    """How many blocks a row is drawn with, joins and all branches counted, repeats once."""
    return sum(_weight(item) for run in row for item in run.items)


def _weight(item: Item) -> int:
    return 1 + sum(map(blocks_in, item.branches)) if isinstance(item, Join) else 1


class _Reader:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.dominators = network.dominators()

    def row(self, fork: str | None, end: str, nesting: int) -> Row:
        """The layers behind ``fork``, or from INPUT on, up to ``end``."""
        items: list[Item] = []
        pending: list[Node] = []
        for node in self.path(fork, end):
            if isinstance(node.layer, EDGES):
                if items:
                    items[-1] = _with_edge(items[-1], node)
                else:
                    pending.append(node)
            elif isinstance(node.layer, Merge):
                if pending:
                    items.append(Block(None, tuple(pending)))
                    pending = []
                items.append(self.join(node, nesting + 1))
            else:
                items.append(Block(node, tuple(pending)))
                pending = []
        if pending:
            items.append(Block(None, tuple(pending)))
        return _folded(items)

    def path(self, fork: str | None, end: str) -> list[Node]:
        """The layers that every way from ``fork`` to ``end`` takes, joins for what lies in their branches."""
        found: list[Node] = []
        at: str | None = end
        while at is not None and at != fork:
            node = self.network[at]
            found.append(node)
            at = self.dominators[at] if isinstance(node.layer, Merge) else next(iter(node.inputs), None)
        return found[::-1]

    def join(self, node: Node, nesting: int) -> Join | Lump:
        fork = self.dominators[node.name]
        inner = [self.between(fork, name) for name in node.inputs]
        tangled = sum(map(len, inner)) != len(set().union(*inner))  # branches that share layers are no rows
        if tangled or nesting > MAX_NESTING or len(inner) > MAX_BRANCHES:
            return Lump((*self.ordered(set().union(*inner)), node))
        branches = []
        for name, names in zip(node.inputs, inner, strict=True):
            row = self.row(fork, name, nesting)
            too_long = blocks_in(row) > MAX_BRANCH
            branches.append((Run((Lump(self.ordered(names)),), 1),) if too_long else row)
        return Join(node, tuple(branches))

    def between(self, fork: str, end: str) -> set[str]:
        """All layers on any way from ``fork``, which is left out, to ``end``."""
        found: set[str] = set()
        waiting = [end]
        while waiting:
            name = waiting.pop()
            if name != fork and name not in found:
                found.add(name)
                waiting += self.network[name].inputs
        return found

    def ordered(self, names: set[str]) -> tuple[Node, ...]:
        return tuple(node for node in self.network if node.name in names)


def _with_edge(item: Item, node: Node) -> Item:
    if isinstance(item, Block):
        return Block(item.node, item.before, (*item.after, node))
    if isinstance(item, Join):
        return Join(item.node, item.branches, (*item.after, node))
    return Lump(item.inner, (*item.after, node))


def _folded(items: list[Item]) -> Row:
    """Equal neighbours as runs. A few single blocks stay as they are: the classic figures show each."""
    runs: list[Run] = []
    for segment in fold([_signature(item) for item in items]):
        found = tuple(items[segment.start : segment.start + segment.length])
        few = segment.count <= _SEVERAL and segment.length == 1 and not isinstance(found[0], Join)
        last = runs[-1] if runs else None
        if few:
            runs += [Run(found, 1) for _ in range(segment.count)]
        elif last is not None and isinstance(found[0], Join) and _same(last.items, found):
            runs[-1] = Run(last.items, last.count + segment.count)  # a pair, which tables leave alone
        else:
            runs.append(Run(found, segment.count))
    return tuple(runs)


def _same(a: Iterable[Item], b: Iterable[Item]) -> bool:
    return [_signature(item) for item in a] == [_signature(item) for item in b]


def _signature(item: Item) -> Hashable:
    """What makes two items the same; names differ from turn to turn of a repeat."""
    if isinstance(item, Join):
        branches = tuple(
            (run.count, tuple(_signature(inner) for inner in run.items)) for row in item.branches for run in row
        )
        lengths = tuple(len(row) for row in item.branches)
        return (_looks((item.node, *item.after)), lengths, branches)
    return _looks(item.nodes if isinstance(item, Block) else (*item.inner, *item.after))


def _looks(nodes: Iterable[Node]) -> Hashable:
    return tuple((node.layer, node.shape) for node in nodes)
