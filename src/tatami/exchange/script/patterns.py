"""Blocks that are alike but for numbers: one class of them, with those numbers as its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tatami.exchange.script.outline import Block
from tatami.exchange.script.spelling import Argument, Spelling, Word
from tatami.network import Node


@dataclass(frozen=True)
class Pattern:
    """What blocks have in common.

    Attributes:
        name: of the class.
        blocks: all of them, in order.
        spellings: of each layer of a block, in order; what differs between blocks is a :class:`Word`.
        parameters: those words, in order, each with its value for every block.
    """

    name: str
    blocks: tuple[Block, ...]
    spellings: tuple[Spelling, ...]
    parameters: dict[str, tuple[object, ...]]

    @property
    def title(self) -> str:
        """The first of its blocks in notation."""
        text = self.blocks[0].notation() or "Paths that part and meet again."
        return f"{text} (the first of {len(self.blocks)})" if len(self.blocks) > 1 else text

    def values(self, block: Block) -> dict[str, object]:
        """The parameters of one block."""
        i = self.blocks.index(block)
        return {name: values[i] for name, values in self.parameters.items()}


def patterns(blocks: Sequence[Block], spell: Callable[[Node], Spelling]) -> list[Pattern]:
    """The patterns of blocks, in the order in which they first occur."""
    alike: dict[object, list[Block]] = {}
    for block in blocks:
        alike.setdefault(_form(block, spell), []).append(block)
    return [_pattern(f"Block{i}", tuple(group), spell) for i, group in enumerate(alike.values(), 1)]


def _form(block: Block, spell: Callable[[Node], Spelling]) -> object:
    """All of a block but the values of arguments."""
    places = {node.name: i for i, node in enumerate(block.nodes)}
    parts = []
    for node in block.nodes:
        spelling = spell(node)
        labels = tuple((argument.label, argument.keyword) for argument in spelling.arguments)
        wires = tuple(places.get(name, -1) for name in node.inputs)
        parts.append((node.layer.keyword, spelling.kind, spelling.call, labels, wires))
    return tuple(parts)


def _pattern(name: str, blocks: tuple[Block, ...], spell: Callable[[Node], Spelling]) -> Pattern:
    locals_ = tuple(blocks[0].local_names().values())
    words: dict[tuple[object, ...], str] = {}  # values that always go together are one parameter
    spellings = []
    for place, local in enumerate(locals_):
        each = [spell(block.nodes[place]) for block in blocks]
        arguments: list[Argument] = []
        for i, argument in enumerate(each[0].arguments):
            values = tuple(one.arguments[i].value for one in each)
            if len(set(map(repr, values))) > 1:
                word = words.setdefault(values, f"{local}_{argument.label}")
                argument = replace(argument, value=Word(word))
            arguments.append(argument)
        spellings.append(replace(each[0], arguments=tuple(arguments)))
    return Pattern(name, blocks, tuple(spellings), {word: values for values, word in words.items()})
