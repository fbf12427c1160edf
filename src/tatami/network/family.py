"""Families: the free names of a text, and their replacement by values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from tatami.errors import OptionError, nearest
from tatami.network.layers.arguments import FLAG_WORDS
from tatami.network.layers.base import LAYERS, Layer
from tatami.network.values import DEPTH
from tatami.notation import ast, print_value
from tatami.notation.printer import print_alternatives

_WORDS = frozenset(word for cls in LAYERS.values() for argument in cls.arguments for word in argument.kind.words)


YES_AND_NO = (ast.Name("yes"), ast.Name("no"))

Choices: TypeAlias = tuple[ast.Value, ...]


def free_names(program: ast.Program) -> dict[str, Choices]:
    """The variables of a family in order of appearance, and the values among which each chooses; () for any value.

    That of a ``?`` chooses between yes and no, that of a ``{a|b}`` between its values, or the numbers of its paths.
    """
    found: dict[str, Choices] = {}
    for body, parameters in [
        *((b.body, frozenset(b.parameters)) for b in program.blocks),
        (program.chain, frozenset()),
    ]:
        for item in _items(body):
            for name, choices in _variables(item):
                if name not in parameters and name.casefold() != DEPTH:
                    found.setdefault(name, choices)
    return found


def count_names(program: ast.Program) -> frozenset[str]:
    """The variables that say how often something is repeated, rather than a size."""
    bodies = [program.chain, *(block.body for block in program.blocks)]
    repeats = [item for body in bodies for item in _items(body) if isinstance(item, ast.Repeat)]
    return frozenset(name for repeat in repeats for name, _ in _variables(repeat))


def option_name(item: ast.Optional) -> str:
    """The variable of ``item?``: the name of its first layer, in upper case."""
    body: ast.Item = item.body
    while not isinstance(body, (ast.Layer, ast.Branches)):
        match body:
            case ast.Chain():
                body = body.items[0]
            case ast.Alternatives():
                body = body.paths[0]
            case _:
                body = body.body
    return body.name.upper()


def choice_name(choice: ast.Choice | ast.Alternatives) -> str:
    """The variable of ``{a|b}``: its own text, so that a choice that is written twice is made once."""
    return print_value(choice) if isinstance(choice, ast.Choice) else print_alternatives(choice)


def _items(item: ast.Item) -> Iterator[ast.Item]:
    """Every item within ``item``, in reading order, itself last."""
    match item:
        case ast.Chain():
            for inner in item.items:
                yield from _items(inner)
        case ast.Branches() | ast.Alternatives():
            for path in item.paths:
                yield from _items(path)
        case ast.Repeat() | ast.Optional():
            yield from _items(item.body)
    yield item


def _variables(item: ast.Item) -> Iterator[tuple[str, Choices]]:
    """The variables of ``item`` itself, not of the items within it."""
    match item:
        case ast.Optional():
            yield option_name(item), YES_AND_NO
        case ast.Alternatives():
            yield choice_name(item), tuple(ast.Number(number) for number in range(1, len(item.paths) + 1))
        case ast.Repeat():
            yield from _names(item.count, lambda word: word.name.casefold() in _WORDS)
        case ast.Layer():
            cls = LAYERS.get(item.name.upper())
            for argument in item.arguments:
                if argument.key is None or argument.key.casefold() != "name":
                    yield from _names(argument.value, partial(_is_word, argument, cls))


def _is_word(argument: ast.Argument, cls: type[Layer] | None, name: ast.Name) -> bool:
    """Whether it is one of the words that arguments know, or a slip of one that this argument knows (``P=sane``).

    Binding the arguments then explains what is wrong with it; a block's argument (``cls`` is None) may be any name.
    """
    word, key = name.name, argument.key and argument.key.casefold()
    here = [
        a
        for a in (cls.arguments if cls else ())
        if (a.positional if key is None else key in map(str.casefold, (a.field, *a.keys)))
    ]
    slips = nearest(word, frozenset().union(*(a.kind.words for a in here))) if len(word) > 2 else None
    return word.casefold() in _WORDS or slips is not None


def _never(name: ast.Name) -> bool:
    return False


def _names(value: ast.Value, is_word: Callable[[ast.Name], bool] = _never) -> Iterator[tuple[str, Choices]]:
    """The variables of ``value``; a word that stands alone, or as one of a choice, is none."""
    match value:
        case ast.Name():
            if not is_word(value):
                yield value.name, ()
        case ast.Choice():
            yield choice_name(value), value.values
            for inner in value.values:
                yield from _names(inner, is_word)
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

    All are bound at once: a choice's name is its text as it was written.

    Raises:
        OptionError: a binding for a name that the text does not have, an option that is neither yes nor no, or a choice
            of what is not there to choose.
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
        if free[name] == YES_AND_NO and _taken(value) is None:
            raise OptionError(f"{name}? may be there or not", got=print_value(value), expected="yes or no")
        if name.startswith("{") and value not in free[name]:
            among = ", ".join(map(print_value, free[name]))
            raise OptionError(f"{name} does not have this choice", got=print_value(value), expected=among)
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
        case ast.Alternatives():
            name = choice_name(item)
            if name not in bindings:
                return replace(item, paths=tuple(_bound_chain(path, bindings) for path in item.paths))
            number = bindings[name]
            assert isinstance(number, ast.Number)  # bind_names has held it against the choices
            path = _bound_chain(item.paths[int(number.value) - 1], bindings)
            return path.items[0] if len(path.items) == 1 else path
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
        case ast.Choice() if choice_name(value) in bindings:
            return replace(_bound_value(bindings[choice_name(value)], bindings), position=value.position)
        case ast.Tuple() | ast.List() | ast.Choice():
            return replace(value, values=tuple(_bound_value(inner, bindings) for inner in value.values))
        case ast.Binary():
            return replace(value, left=_bound_value(value.left, bindings), right=_bound_value(value.right, bindings))
        case ast.Negative():
            return replace(value, value=_bound_value(value.value, bindings))
        case _:
            return value
