"""The walk over a program: repeats turned, blocks entered. It meets each layer in order.

What happens at a layer is the visitor's business: one visitor counts, to hold the limits before anything is built, and
the other builds (:mod:`tatami.network.build`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from tatami.errors import NotationError, nearest
from tatami.network.family import YES_AND_NO, free_names
from tatami.network.layers.base import LAYERS
from tatami.network.values import DEPTH, Scope, count_of, evaluate, failure
from tatami.notation import ast, print_value

MAX_LAYERS = 20_000
MAX_STEPS = 5 * MAX_LAYERS  # items met on the way, those too that hold no layer
MAX_LEVELS = 150  # nested repeats, brackets and block calls

BRANCHES = ("RES", "ADD", "MUL", "CONCAT", "SPLIT")
IDENTITY = "ID"


class Visitor(Protocol):
    """What is done on the way."""

    def depth(self) -> int | None:
        """Channels at this point, or None when shapes are not known."""

    def enter(self, item: ast.Item, scope: Scope) -> None:
        """Any item begins: once for each turn of the repeats around it."""

    def layer(self, item: ast.Layer, scope: Scope) -> None:
        """A layer."""

    def branches(self, item: ast.Branches, scope: Scope) -> None:
        """Branches; the visitor walks the paths itself."""


def walk(item: ast.Item, scope: Scope, visitor: Visitor) -> None:
    """Visit every layer of ``item`` in order."""
    scope = scope.deeper()
    if scope.level > MAX_LEVELS:
        raise failure(
            scope, item.position, "nested too deeply", expected=f"at most {MAX_LEVELS} levels with all blocks"
        )
    visitor.enter(item, scope)
    match item:
        case ast.Chain():
            for inner in item.items:
                walk(inner, scope, visitor)
        case ast.Repeat():
            count, is_list = count_of(item.count, scope)
            for index in range(count):
                walk(item.body, scope.turn(None if is_list else count, index), visitor)
        case ast.Optional() | ast.Alternatives():
            raise AssertionError("options and choices are bound before the walk")
        case ast.Branches():
            visitor.branches(item, scope)
        case ast.Layer():
            block = scope.blocks.get(item.name.casefold())
            if block is None:
                visitor.layer(item, scope)
            else:
                walk(block[0].body, _call(item, block, scope, visitor), visitor)


def _call(item: ast.Layer, block: tuple[ast.Block, int], scope: Scope, visitor: Visitor) -> Scope:
    """The scope of a block's body: parameters evaluated at the call, its own rank, no repeats of the caller."""
    definition, rank = block
    if scope.rank is not None and rank >= scope.rank:
        raise failure(
            scope,
            item.position,
            f"block {definition.name} is not defined above this one",
            hint="a block may use the blocks above it, and never itself",
        )
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
    return replace(scope, names=given, rank=rank, turns=())


# --- the program's scope ---


def program_scope(program: ast.Program) -> Scope:
    """The outermost scope: the blocks, checked.

    Raises:
        NotationError: a block defined twice or named like a layer.
    """
    scope = Scope(program.source)
    blocks: dict[str, tuple[ast.Block, int]] = {}
    for rank, block in enumerate(program.blocks):
        folded = block.name.casefold()
        if block.name.upper() in {*LAYERS, *BRANCHES, IDENTITY}:
            raise failure(
                scope, block.position, f"{block.name} is a layer already", expected="another name for the block"
            )
        if folded in blocks:
            raise failure(scope, block.position, f"block {block.name} is defined twice")
        if len(set(block.parameters)) < len(block.parameters) or DEPTH in map(str.casefold, block.parameters):
            raise failure(
                scope, block.position, f"block {block.name} needs different parameters, none of them named {DEPTH}"
            )
        blocks[folded] = (block, rank)
    return replace(scope, blocks=blocks)


# --- the visitor that counts ---


class _Counter:
    def __init__(self) -> None:
        self.layers = 0
        self.steps = 0

    def depth(self) -> int | None:
        return None

    def enter(self, item: ast.Item, scope: Scope) -> None:
        self.steps += 1
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
        if self.layers > MAX_LAYERS or self.steps > MAX_STEPS:
            raise failure(scope, item.position, "too many layers after all repeats", expected=f"at most {MAX_LAYERS:,}")


def check_expansion(program: ast.Program, scope: Scope) -> int:
    """Walk the program without building: counts, lists, blocks and limits are checked. Returns the number of layers.

    Raises:
        NotationError: also when the program is a family (:func:`need_bound`).
    """
    need_bound(program)
    counter = _Counter()
    walk(program.chain, scope, counter)
    return counter.layers


def need_bound(program: ast.Program) -> None:
    """Refuse a family: a program with names still free; all of them are listed.

    Raises:
        NotationError: with a binding for each name as a hint.
    """
    free = free_names(program)
    if free:
        raise NotationError(
            "this is a family of networks, not one network",
            source=program.source,
            got=f"free: {', '.join(name + '?' * (values == YES_AND_NO) for name, values in free.items())}",
            expected="a value for each",
            hint=" ".join(f"-D {_binding(name, values)}" for name, values in free.items()),
        )


def _binding(name: str, values: tuple[ast.Value, ...]) -> str:
    """``N=2``; that of a choice in quotation marks, as a shell needs it."""
    text = f"{name}={print_value(values[0]) if values else 2}"
    return f"'{text}'" if name.startswith("{") else text
