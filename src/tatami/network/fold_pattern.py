"""Items that differ in their numbers only: their pattern, with holes where the numbers stand, and the numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias, TypeVar

from tatami.notation import ast

HOLE: Final = ast.Name("")
"""Stands for a number in a pattern. No text has a name without letters."""

Number: TypeAlias = ast.Number | ast.Sizes
_I = TypeVar("_I", bound=ast.Item)


@lru_cache(maxsize=65536)
def pattern(item: ast.Item) -> tuple[ast.Item, tuple[ast.Value, ...], tuple[str, ...]]:
    """The pattern of an item, what stands in its holes, and what each hole is for: ``CONV.filters``, ``count``."""
    numbers: list[ast.Value] = []
    roles: list[str] = []

    def change(value: ast.Value, role: str) -> ast.Value:
        if not isinstance(value, (ast.Number, ast.Sizes)):
            return value
        numbers.append(value)
        roles.append(role)
        return HOLE

    return with_values(item, change), tuple(numbers), tuple(roles)


def filled(item: _I, numbers: Iterator[ast.Value]) -> _I:
    """A pattern with values in its holes."""
    return with_values(item, lambda value, role: next(numbers) if value == HOLE else value)


def with_values(item: _I, change: Callable[[ast.Value, str], ast.Value]) -> _I:
    """An item with its arguments and counts changed, in the order of the text.

    Args:
        item: any.
        change: takes a value and what it is for.
    """
    match item:
        case ast.Layer():
            arguments = tuple(
                replace(argument, value=change(argument.value, f"{item.name}.{argument.key or place}"))
                for place, argument in enumerate(item.arguments)
            )
            return replace(item, arguments=arguments)
        case ast.Branches():
            return replace(item, paths=tuple(with_values(path, change) for path in item.paths))
        case ast.Chain():
            return replace(item, items=tuple(with_values(inner, change) for inner in item.items))
        case ast.Repeat():
            return replace(item, body=with_values(item.body, change), count=change(item.count, "count"))
    return item


def with_chains(item: _I, change: Callable[[ast.Chain], ast.Chain]) -> _I:
    """An item with every chain within it changed, the innermost first."""
    match item:
        case ast.Branches():
            return replace(item, paths=tuple(with_chains(path, change) for path in item.paths))
        case ast.Chain():
            changed = replace(item, items=tuple(with_chains(inner, change) for inner in item.items))
            return change(changed)  # type: ignore[return-value]  # a chain, as item is
        case ast.Repeat():
            return replace(item, body=with_chains(item.body, change))
    return item


def chains_of(item: ast.Item) -> Iterator[ast.Chain]:
    """Every chain within an item, itself too."""
    match item:
        case ast.Branches():
            for path in item.paths:
                yield from chains_of(path)
        case ast.Chain():
            yield item
            for inner in item.items:
                yield from chains_of(inner)
        case ast.Repeat():
            yield from chains_of(item.body)


@lru_cache(maxsize=65536)
def length(item: ast.Item) -> int:
    """How many characters an item takes, about."""
    match item:
        case ast.Branches():
            return len(item.name) + 2 + sum(length(path) + 3 for path in item.paths) - 3
        case ast.Chain():
            return 2 + sum(length(inner) + 4 for inner in item.items) - 4
        case ast.Repeat():
            return length(item.body) + 1 + value_length(item.count)
        case ast.Layer():
            inside = sum(value_length(a.value) + 2 + (len(a.key) + 1 if a.key else 0) for a in item.arguments)
            return len(item.name) + inside
    return 1


@lru_cache(maxsize=65536)
def value_length(value: ast.Value) -> int:
    """How many characters a value takes, about."""
    match value:
        case ast.List() | ast.Tuple():
            return 2 + sum(value_length(each) + 1 for each in value.values) - 1
        case ast.Binary():
            return value_length(value.left) + 1 + value_length(value.right)
        case ast.Sizes():
            return len("x".join(map(str, value.sizes)))
        case ast.Name():
            return len(value.name)
        case ast.Number():
            return len(repr(value.value))
    return 4
