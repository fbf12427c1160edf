"""Syntax tree -> text, the inverse of the parser: ``parse(print_text(tree)) == tree``."""

from __future__ import annotations

from tatami.notation import ast

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2}
_PRIMARY = 3


def print_text(program: ast.Program) -> str:
    """The canonical text of ``program``: one line for each block, one for the chain."""
    blocks = [f"let {b.name}({', '.join(b.parameters)}) = {_chain(b.body)}" for b in program.blocks]
    chain = _chain(program.chain)
    if blocks and chain.startswith("["):
        blocks[-1] += ";"  # line breaks mean nothing: without it, the bracket would belong to the block's last layer
    return "\n".join([*blocks, chain])


def print_value(value: ast.Value, precedence: int = 0) -> str:
    """The text of one value, in brackets where an operator of ``precedence`` around it needs them."""
    match value:
        case ast.Number():
            return repr(value.value)
        case ast.Name():
            return value.name
        case ast.Sizes():
            text = "x".join(map(str, value.sizes))
            return f"({text})" if precedence == _PRIMARY else text
        case ast.Tuple():
            return f"({', '.join(map(print_value, value.values))})"
        case ast.List():
            return f"{{{','.join(map(print_value, value.values))}}}"
        case ast.Choice():
            return f"{{{'|'.join(map(print_value, value.values))}}}"
        case ast.Negative():
            text = f"-{print_value(value.value, _PRIMARY)}"
            return f"({text})" if precedence == _PRIMARY else text
        case ast.Binary():
            own = _PRECEDENCE[value.operator]
            # Operators associate to the left, so an equal precedence needs brackets only on the right.
            text = f"{print_value(value.left, own)}{value.operator}{print_value(value.right, own + 1)}"
            return f"({text})" if own < precedence else text


def _chain(chain: ast.Chain) -> str:
    return " -> ".join(map(_item, chain.items))


def _item(item: ast.Item) -> str:
    match item:
        case ast.Layer():
            return f"{item.name}({', '.join(map(_argument, item.arguments))})" if item.arguments else item.name
        case ast.Branches():
            return f"{item.name}[{' | '.join(map(_chain, item.paths))}]"
        case ast.Repeat():
            return f"{_item(item.body)}*{print_value(item.count, _PRIMARY)}"
        case ast.Optional():
            return f"{_item(item.body)}?"
        case ast.Alternatives():
            return print_alternatives(item)
        case ast.Chain():
            return f"[{_chain(item)}]"


def print_alternatives(item: ast.Alternatives) -> str:
    """The text of a choice between paths."""
    return f"{{{'|'.join(map(_chain, item.paths))}}}"


def _argument(argument: ast.Argument) -> str:
    text = print_value(argument.value)
    return text if argument.key is None else f"{argument.key}={text}"
