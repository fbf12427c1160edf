"""A program as one would write it by hand: what binding a family's names leaves behind is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tatami.notation import ast

_NOTHING = ast.Layer("ID")


def tidy(program: ast.Program) -> ast.Program:
    """The same network in fewer signs: items taken 0 times are left out, ``*1`` and needless brackets go.

    Where a list might belong to a repeat, that stays as it is. Names that are still free stay too.
    """
    blocks = tuple(replace(block, body=_chain(block.body)) for block in program.blocks)
    return replace(program, blocks=blocks, chain=_chain(program.chain))


def _chain(chain: ast.Chain) -> ast.Chain:
    items = tuple(_items(chain))
    return replace(chain, items=items or (_NOTHING,))


def _items(chain: ast.Chain) -> Iterator[ast.Item]:
    for item in chain.items:
        tidied = _item(item)
        if isinstance(tidied, ast.Chain):
            yield from tidied.items
        elif tidied != _NOTHING:
            yield tidied


def _item(item: ast.Item) -> ast.Item:
    match item:
        case ast.Chain():
            return _chain(item)
        case ast.Branches() | ast.Alternatives():
            return replace(item, paths=tuple(map(_chain, item.paths)))
        case ast.Optional():
            return replace(item, body=_alone(_item(item.body)))
        case ast.Repeat():
            body = _alone(_item(item.body))
            if item.count == ast.Number(0) or body == _NOTHING:
                return _NOTHING
            return body if item.count == ast.Number(1) and not _holds_list(body) else replace(item, body=body)
        case ast.Layer():
            return item


def _alone(item: ast.Item) -> ast.Item:
    """A chain of one item without its brackets."""
    return item.items[0] if isinstance(item, ast.Chain) and len(item.items) == 1 else item


def _holds_list(item: ast.Item) -> bool:
    match item:
        case ast.Layer():
            return any(_is_listed(argument.value) for argument in item.arguments)
        case ast.Branches() | ast.Alternatives():
            return any(map(_holds_list, item.paths))
        case ast.Repeat():
            return _is_listed(item.count) or _holds_list(item.body)
        case ast.Optional():
            return _holds_list(item.body)
        case ast.Chain():
            return any(map(_holds_list, item.items))


def _is_listed(value: ast.Value) -> bool:
    match value:
        case ast.List():
            return True
        case ast.Tuple() | ast.Choice():
            return any(map(_is_listed, value.values))
        case ast.Binary():
            return _is_listed(value.left) or _is_listed(value.right)
        case ast.Negative():
            return _is_listed(value.value)
        case _:
            return False
