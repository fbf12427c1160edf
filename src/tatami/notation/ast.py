"""The syntax tree of the notation: what was written, before anything is known about layers or shapes.

Positions are kept for error messages and take no part in comparison, so ``parse(print_text(tree)) == tree``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True)
class Position:
    """Line and column of a token, both from 1."""

    line: int = 1
    column: int = 1


def _position() -> Position:
    return field(default=Position(), compare=False, repr=False)


# --- values: what stands in brackets behind a layer, or behind a repeat's star ---


@dataclass(frozen=True)
class Number:
    """``64`` or ``0.5``."""

    value: int | float
    position: Position = _position()


@dataclass(frozen=True)
class Name:
    """A word: a block's parameter (``w``), a family's variable (``N``), ``depth``, or a keyword such as ``same``."""

    name: str
    position: Position = _position()


@dataclass(frozen=True)
class Sizes:
    """``32x32x3``: sizes along axes."""

    sizes: tuple[int, ...]
    position: Position = _position()


@dataclass(frozen=True)
class Tuple:
    """``(before, after)``: two values or more."""

    values: tuple[Value, ...]
    position: Position = _position()


@dataclass(frozen=True)
class List:
    """``{64,128,256}``: one value for each turn of the repeat that claims it."""

    values: tuple[Value, ...]
    position: Position = _position()


@dataclass(frozen=True)
class Choice:
    """``{16|32|64}``: one of these values; as many members of a family."""

    values: tuple[Value, ...]
    position: Position = _position()


@dataclass(frozen=True)
class Binary:
    """``left operator right``, with one of ``+ - * / // %``."""

    operator: str
    left: Value
    right: Value
    position: Position = _position()


@dataclass(frozen=True)
class Negative:
    """``-value``."""

    value: Value
    position: Position = _position()


Value: TypeAlias = Number | Name | Sizes | Tuple | List | Choice | Binary | Negative


# --- items: what stands between arrows ---


@dataclass(frozen=True)
class Argument:
    """``value`` or ``key=value``."""

    key: str | None
    value: Value
    position: Position = _position()


@dataclass(frozen=True)
class Layer:
    """``CONV(64, 3x3, S=2)``: a layer, or a call of a block named by ``let``."""

    name: str
    arguments: tuple[Argument, ...] = ()
    position: Position = _position()


@dataclass(frozen=True)
class Branches:
    """``RES[body | shortcut]``, ``CONCAT[a | b | c]``: paths from one input, then joined."""

    name: str
    paths: tuple[Chain, ...]
    position: Position = _position()


@dataclass(frozen=True)
class Repeat:
    """``item*count``."""

    body: Item
    count: Value
    position: Position = _position()


@dataclass(frozen=True)
class Optional:
    """``item?``: with or without it; two members of a family."""

    body: Item
    position: Position = _position()


@dataclass(frozen=True)
class Alternatives:
    """``{CONV(S=2)|POOL|ID}``: one of these paths; as many members of a family."""

    paths: tuple[Chain, ...]
    position: Position = _position()


@dataclass(frozen=True)
class Chain:
    """``a -> b -> c``; as an item of another chain it stands in square brackets."""

    items: tuple[Item, ...]
    position: Position = _position()


Item: TypeAlias = Layer | Branches | Repeat | Optional | Alternatives | Chain


@dataclass(frozen=True)
class Block:
    """``let name(parameters) = chain``."""

    name: str
    parameters: tuple[str, ...]
    body: Chain
    position: Position = _position()


@dataclass(frozen=True)
class Program:
    """A whole text: its blocks, then its chain. ``source`` is the text it was read from, for error messages."""

    blocks: tuple[Block, ...]
    chain: Chain
    source: str = field(default="", compare=False, repr=False)
