"""Families: which names of a text are free, before any of them is bound."""

from __future__ import annotations

from collections.abc import Iterator

from tatami.errors import nearest
from tatami.network.layers.base import LAYERS
from tatami.network.values import DEPTH
from tatami.notation import ast

_WORDS = frozenset(word for cls in LAYERS.values() for argument in cls.arguments for word in argument.kind.words)


def free_names(program: ast.Program) -> dict[str, bool]:
    """The variables of a family in order of appearance, and whether each is that of a ``?`` (yes or no)."""
    found: dict[str, bool] = {}
    for body, parameters in [
        *((b.body, frozenset(b.parameters)) for b in program.blocks),
        (program.chain, frozenset()),
    ]:
        for item in _items(body):
            if isinstance(item, ast.Optional):
                found.setdefault(option_name(item), True)
            for value in _values_of(item):
                for name in _names(value):
                    if name not in parameters and name.casefold() != DEPTH:
                        found.setdefault(name, False)
    return found


def option_name(item: ast.Optional) -> str:
    """The variable of ``item?``: the name of its first layer, in upper case."""
    body: ast.Item = item.body
    while not isinstance(body, (ast.Layer, ast.Branches)):
        body = body.items[0] if isinstance(body, ast.Chain) else body.body
    return body.name.upper()


def _items(item: ast.Item) -> Iterator[ast.Item]:
    """Every item within ``item``, in reading order, itself last."""
    match item:
        case ast.Chain():
            for inner in item.items:
                yield from _items(inner)
        case ast.Branches():
            for path in item.paths:
                yield from _items(path)
        case ast.Repeat() | ast.Optional():
            yield from _items(item.body)
    yield item


def _values_of(item: ast.Item) -> list[ast.Value]:
    if isinstance(item, ast.Repeat):
        return [item.count]
    if isinstance(item, ast.Layer):
        named = [a for a in item.arguments if a.key is None or a.key.casefold() != "name"]
        return [argument.value for argument in named if not _is_word(argument.value)]
    return []


def _is_word(value: ast.Value) -> bool:
    """Whether it is one of the words that arguments know, or a slip of one (``sane``), which binding then explains."""
    if not isinstance(value, ast.Name):
        return False
    return value.name.casefold() in _WORDS or (len(value.name) > 2 and nearest(value.name, _WORDS) is not None)


def _names(value: ast.Value) -> Iterator[str]:
    match value:
        case ast.Name():
            yield value.name
        case ast.Tuple() | ast.List():
            for inner in value.values:
                yield from _names(inner)
        case ast.Binary():
            yield from _names(value.left)
            yield from _names(value.right)
        case ast.Negative():
            yield from _names(value.value)
