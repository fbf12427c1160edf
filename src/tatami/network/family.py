"""Families: the free names of a text, and their replacement by values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tatami.errors import OptionError, nearest
from tatami.network.layers.arguments import FLAG_WORDS
from tatami.network.layers.base import LAYERS, Layer
from tatami.network.values import DEPTH
from tatami.notation import ast, print_value

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
        is_word = isinstance(item.count, ast.Name) and item.count.name.casefold() in _WORDS
        return [] if is_word else [item.count]
    if isinstance(item, ast.Layer):
        named = [a for a in item.arguments if a.key is None or a.key.casefold() != "name"]
        cls = LAYERS.get(item.name.upper())
        return [argument.value for argument in named if not _is_word(argument, cls)]
    return []


def _is_word(argument: ast.Argument, cls: type[Layer] | None) -> bool:
    """Whether it is one of the words that arguments know, or a slip of one that this argument knows (``P=sane``).

    Binding the arguments then explains what is wrong with it; a block's argument (``cls`` is None) may be any name.
    """
    if not isinstance(argument.value, ast.Name):
        return False
    word, key = argument.value.name, argument.key and argument.key.casefold()
    here = [
        a
        for a in (cls.arguments if cls else ())
        if (a.positional if key is None else key in map(str.casefold, (a.field, *a.keys)))
    ]
    slips = nearest(word, frozenset().union(*(a.kind.words for a in here))) if len(word) > 2 else None
    return word.casefold() in _WORDS or slips is not None


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


# --- binding ---


def bind_names(program: ast.Program, bindings: Mapping[str, ast.Value]) -> ast.Program:
    """The program with every bound name replaced by its value; an option not taken is repeated 0 times.

    Raises:
        OptionError: a binding for a name that the text does not have, or an option that is neither yes nor no.
    """
    if not bindings:
        return program
    free = free_names(program)
    for name, value in bindings.items():
        if name not in free:
            close = nearest(name, free)
            raise OptionError(
                f"the network has no free name {name}",
                expected=", ".join(free) or "no bindings",
                hint=f"did you mean {close}?" if close else None,
            )
        if free[name] and _taken(value) is None:
            raise OptionError(f"{name}? may be there or not", got=print_value(value), expected="yes or no")
    blocks = tuple(
        replace(block, body=_bound_chain(block.body, _without(bindings, block.parameters))) for block in program.blocks
    )
    return replace(program, blocks=blocks, chain=_bound_chain(program.chain, bindings))


def _without(bindings: Mapping[str, ast.Value], parameters: tuple[str, ...]) -> dict[str, ast.Value]:
    return {name: value for name, value in bindings.items() if name not in parameters}


def _taken(value: ast.Value) -> bool | None:
    return FLAG_WORDS.get(print_value(value).lower())


def _bound_chain(chain: ast.Chain, bindings: Mapping[str, ast.Value]) -> ast.Chain:
    return replace(chain, items=tuple(_bound_item(item, bindings) for item in chain.items))


def _bound_item(item: ast.Item, bindings: Mapping[str, ast.Value]) -> ast.Item:
    match item:
        case ast.Chain():
            return _bound_chain(item, bindings)
        case ast.Branches():
            return replace(item, paths=tuple(_bound_chain(path, bindings) for path in item.paths))
        case ast.Repeat():
            return replace(item, body=_bound_item(item.body, bindings), count=_bound_value(item.count, bindings))
        case ast.Optional():
            body = _bound_item(item.body, bindings)
            name = option_name(item)
            if name not in bindings:
                return replace(item, body=body)
            return body if _taken(bindings[name]) else ast.Repeat(body, ast.Number(0), item.position)
        case ast.Layer():
            arguments = tuple(replace(a, value=_bound_value(a.value, bindings)) for a in item.arguments)
            return replace(item, arguments=arguments)


def _bound_value(value: ast.Value, bindings: Mapping[str, ast.Value]) -> ast.Value:
    match value:
        case ast.Name() if value.name in bindings:
            return replace(bindings[value.name], position=value.position)
        case ast.Tuple() | ast.List():
            return replace(value, values=tuple(_bound_value(inner, bindings) for inner in value.values))
        case ast.Binary():
            return replace(value, left=_bound_value(value.left, bindings), right=_bound_value(value.right, bindings))
        case ast.Negative():
            return replace(value, value=_bound_value(value.value, bindings))
        case _:
            return value
