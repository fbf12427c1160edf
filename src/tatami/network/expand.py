"""The walk over a program: repeats turned, options taken, blocks entered. It meets each layer in order.

What happens at a layer is the visitor's business: one visitor counts, to hold the limits before anything is built, and
the other builds (:mod:`tatami.network.build`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tatami.errors import NotationError, OptionError, nearest
from tatami.network.layers.arguments import FLAG_WORDS
from tatami.network.layers.base import LAYERS
from tatami.network.values import DEPTH, Scope, count_of, evaluate, failure
from tatami.notation import ast

MAX_LAYERS = 20_000
MAX_LEVELS = 150  # nested repeats, brackets and block calls

BRANCHES = ("RES", "ADD", "MUL", "CONCAT", "SPLIT")
IDENTITY = "ID"


class Visitor(Protocol):
    """What is done on the way."""

    def depth(self) -> int | None:
        """Channels at this point, or None when shapes are not known."""

    def turn(self, item: ast.Repeat, scope: Scope) -> None:
        """A turn of a repeat begins."""

    def layer(self, item: ast.Layer, scope: Scope) -> None:
        """A layer."""

    def branches(self, item: ast.Branches, scope: Scope) -> None:
        """Branches; the visitor walks the paths itself."""


def walk(item: ast.Item, scope: Scope, visitor: Visitor) -> None:
    """Visit every layer of ``item`` in order."""
    scope = replace(scope, level=scope.level + 1)
    if scope.level > MAX_LEVELS:
        raise failure(
            scope, item.position, "nested too deeply", expected=f"at most {MAX_LEVELS} levels with all blocks"
        )
    match item:
        case ast.Chain():
            for inner in item.items:
                walk(inner, scope, visitor)
        case ast.Repeat():
            count, is_list = count_of(item.count, scope)
            for index in range(count):
                visitor.turn(item, scope)
                walk(item.body, scope.turn(None if is_list else count, index), visitor)
        case ast.Optional():
            if _is_taken(item, scope):
                walk(item.body, scope, visitor)
        case ast.Branches():
            visitor.branches(item, scope)
        case ast.Layer():
            block = scope.blocks.get(item.name.casefold())
            if block is None:
                visitor.layer(item, scope)
            else:
                walk(block[0].body, _call(item, block, scope, visitor), visitor)


def _call(item: ast.Layer, block: tuple[ast.Block, int], scope: Scope, visitor: Visitor) -> Scope:
    """The scope of a block's body: parameters evaluated at the call, blocks above it, no repeats of the caller."""
    definition, rank = block
    given: dict[str, Any] = {}
    for index, argument in enumerate(item.arguments):
        if argument.key is None and index >= len(definition.parameters):
            break
        name = definition.parameters[index] if argument.key is None else argument.key
        if name not in definition.parameters:
            close = nearest(name, definition.parameters)
            raise failure(
                scope,
                argument.position,
                f"block {definition.name} has no parameter {name}",
                expected=", ".join(definition.parameters) or "no arguments",
                hint=f"did you mean {close}?" if close else None,
            )
        if name in given:
            raise failure(scope, argument.position, f"{name} is given twice")
        given[name] = evaluate(argument.value, scope, visitor.depth())
    if len(given) != len(definition.parameters) or len(item.arguments) > len(definition.parameters):
        raise failure(
            scope,
            item.position,
            f"block {definition.name} takes {len(definition.parameters)} values",
            got=len(item.arguments),
            expected=f"{definition.name}({', '.join(definition.parameters)})",
        )
    above = {name: entry for name, entry in scope.blocks.items() if entry[1] < rank}
    return replace(scope, names=given, blocks=above, turns=())


# --- the program's scope ---


def program_scope(program: ast.Program, bindings: Mapping[str, ast.Value]) -> Scope:
    """The outermost scope: the blocks, checked, and the bindings.

    Raises:
        NotationError: a block defined twice or named like a layer.
        OptionError: a binding for a name that the text does not have.
    """
    scope = Scope(program.source, bindings=bindings)
    blocks: dict[str, tuple[ast.Block, int]] = {}
    for rank, block in enumerate(program.blocks):
        folded = block.name.casefold()
        if block.name.upper() in {*LAYERS, *BRANCHES, IDENTITY}:
            raise failure(
                scope, block.position, f"{block.name} is a layer already", expected="another name for the block"
            )
        if folded in blocks:
            raise failure(scope, block.position, f"block {block.name} is defined twice")
        if len(set(block.parameters)) < len(block.parameters) or DEPTH in block.parameters:
            raise failure(
                scope, block.position, f"block {block.name} needs different parameters, none of them named {DEPTH}"
            )
        blocks[folded] = (block, rank)
    free = free_names(program)
    for name in bindings:
        if name not in free:
            close = nearest(name, free)
            raise OptionError(
                f"the network has no free name {name}",
                expected=", ".join(free) or "no bindings",
                hint=f"did you mean {close}?" if close else None,
            )
    return replace(scope, blocks=blocks)


def free_names(program: ast.Program) -> list[str]:
    """The variables of a family in order of appearance: of counts and values, and one for each ``?``."""
    found: dict[str, None] = {}
    for block in program.blocks:
        _free(block.body, frozenset(block.parameters), found)
    _free(program.chain, frozenset(), found)
    return list(found)


def option_name(item: ast.Optional) -> str:
    """The variable of ``item?``: the name of its first layer, in upper case."""
    body: ast.Item = item.body
    while not isinstance(body, (ast.Layer, ast.Branches)):
        body = body.items[0] if isinstance(body, ast.Chain) else body.body
    return body.name.upper()


def _free(item: ast.Item, bound: frozenset[str], found: dict[str, None]) -> None:
    match item:
        case ast.Chain():
            for inner in item.items:
                _free(inner, bound, found)
        case ast.Branches():
            for path in item.paths:
                _free(path, bound, found)
        case ast.Repeat():
            _free(item.body, bound, found)
            _free_values(item.count, bound, found)
        case ast.Optional():
            _free(item.body, bound, found)
            found.setdefault(option_name(item))
        case ast.Layer():
            for argument in item.arguments:
                is_name = argument.key is not None and argument.key.casefold() == "name"
                if not is_name and not _is_word(argument.value):
                    _free_values(argument.value, bound, found)


def _free_values(value: ast.Value, bound: frozenset[str], found: dict[str, None]) -> None:
    match value:
        case ast.Name():
            if value.name not in bound and value.name.casefold() not in bound and value.name.casefold() != DEPTH:
                found.setdefault(value.name)
        case ast.Tuple() | ast.List():
            for inner in value.values:
                _free_values(inner, bound, found)
        case ast.Binary():
            _free_values(value.left, bound, found)
            _free_values(value.right, bound, found)
        case ast.Negative():
            _free_values(value.value, bound, found)


def _is_word(value: ast.Value) -> bool:
    """Whether it is one of the words that arguments know, or a slip of one (``sane``), which binding then explains."""
    if not isinstance(value, ast.Name):
        return False
    return value.name.casefold() in _WORDS or (len(value.name) > 2 and nearest(value.name, _WORDS) is not None)


_WORDS = frozenset(word for cls in LAYERS.values() for argument in cls.arguments for word in argument.kind.words)


def _is_taken(item: ast.Optional, scope: Scope) -> bool:
    name = option_name(item)
    value = scope.bindings.get(name)
    word = None if value is None else str(evaluate(value, scope, None)).lower()
    if word in {"0", "1"}:
        return word == "1"
    if word not in FLAG_WORDS:
        raise failure(
            scope,
            item.position,
            f"{name}? may be there or not",
            got=word,
            expected="yes or no",
            hint=f"bind it with -D {name}=yes",
        )
    return FLAG_WORDS[word]


# --- the visitor that counts ---


class _Counter:
    def __init__(self) -> None:
        self.layers = 0
        self.turns = 0

    def depth(self) -> int | None:
        return None

    def turn(self, item: ast.Repeat, scope: Scope) -> None:
        self.turns += 1
        self._hold_limit(item, scope)

    def layer(self, item: ast.Layer, scope: Scope) -> None:
        self.layers += 1
        self._hold_limit(item, scope)

    def branches(self, item: ast.Branches, scope: Scope) -> None:
        self.layers += 1
        self._hold_limit(item, scope)
        for path in item.paths:
            walk(path, scope, self)

    def _hold_limit(self, item: ast.Item, scope: Scope) -> None:
        if max(self.layers, self.turns) > MAX_LAYERS:
            raise failure(scope, item.position, "too many layers after all repeats", expected=f"at most {MAX_LAYERS:,}")


def check_expansion(program: ast.Program, scope: Scope) -> int:
    """Walk the program without building: counts, lists, blocks and limits are checked. Returns the number of layers.

    Raises:
        NotationError: also when the program is a family with names still free; all of them are listed.
    """
    free = [name for name in free_names(program) if name not in scope.bindings]
    options = {option_name(item) for item in _options(program)}
    if free:
        settings = " ".join(f"-D {name}={'yes' if name in options else 2}" for name in free)
        raise NotationError(
            "this is a family of networks, not one network",
            source=program.source,
            got=f"free: {', '.join(name + '?' * (name in options) for name in free)}",
            expected="a value for each",
            hint=settings,
        )
    counter = _Counter()
    walk(program.chain, scope, counter)
    return counter.layers


def _options(program: ast.Program) -> list[ast.Optional]:
    found: list[ast.Optional] = []

    def search(item: ast.Item) -> None:
        match item:
            case ast.Optional():
                found.append(item)
                search(item.body)
            case ast.Repeat():
                search(item.body)
            case ast.Chain():
                for inner in item.items:
                    search(inner)
            case ast.Branches():
                for path in item.paths:
                    search(path)

    for block in program.blocks:
        search(block.body)
    search(program.chain)
    return found
