"""Arguments as written -> attributes of a layer."""

from __future__ import annotations

from typing import Any

from tatami.errors import NotationError, nearest
from tatami.network.layers.arguments import REFUSED, SIZES, Argument
from tatami.network.layers.base import Layer
from tatami.network.values import Scope, evaluate, failure
from tatami.notation import ast

NAME_KEY = "name"


def bind(item: ast.Layer, cls: type[Layer], scope: Scope, depth: int) -> tuple[dict[str, Any], str | None]:
    """The attributes that ``item`` gives to a layer of class ``cls``, and the layer's own name if it has one.

    A value without a key goes to the first free positional attribute whose kind accepts it, so that ``POOL(avg, 3)``
    and ``POOL(3, avg)`` are the same.

    Raises:
        NotationError: unknown, repeated or unreadable arguments.
    """
    given: dict[str, Any] = {}
    name = None
    for written in item.arguments:
        value = evaluate(written.value, scope, depth)
        if written.key is not None and written.key.casefold() == NAME_KEY:
            if not isinstance(value, str):
                raise failure(scope, written.position, "a layer's name is a word", got=value)
            if name is not None:
                raise failure(scope, written.position, f"{NAME_KEY} is given twice")
            name = value
            continue
        if written.key is None:
            argument, read = _positional(item, written, cls, value, given, scope)
        else:
            argument = _by_key(written, cls, scope)
            read = argument.kind.read(value)
        if argument.field in given:
            raise failure(scope, written.position, f"{argument.key} is given twice")
        if read is REFUSED:
            raise _refusal(written, argument, value, scope)
        given[argument.field] = read
    return given, name


def _by_key(written: ast.Argument, cls: type[Layer], scope: Scope) -> Argument:
    by_name = {name.casefold(): a for a in cls.arguments for name in (a.field, *a.keys)}
    key = str(written.key)
    if key.casefold() in by_name:
        return by_name[key.casefold()]
    known = [name for a in cls.arguments for name in dict.fromkeys((*a.keys, a.field))]
    close = nearest(key, known)
    raise failure(
        scope,
        written.position,
        f"{cls.keyword} has no argument {key}",
        expected=", ".join([*known, NAME_KEY]),
        hint=f"did you mean {close}?" if close else None,
    )


def _positional(
    item: ast.Layer, written: ast.Argument, cls: type[Layer], value: Any, given: dict[str, Any], scope: Scope
) -> tuple[Argument, Any]:
    free = [a for a in cls.arguments if a.positional and a.field not in given]
    for argument in free:
        read = argument.kind.read(value)
        if read is not REFUSED:
            return argument, read
    keyed = next((a.key for a in cls.arguments if not a.positional and a.kind.read(value) is not REFUSED), None)
    if free:
        # A number where only words are known, or the reverse: perhaps its key was forgotten, as in POOL(2, 2).
        slip = bool(free[0].kind.words) != isinstance(value, str)
        raise _refusal(
            written, free[0], value, scope, hint=f"did you mean {keyed}={value}?" if slip and keyed else None
        )
    positional = [a.key for a in cls.arguments if a.positional]
    raise failure(
        scope,
        written.position,
        f"{cls.keyword} takes {'no values' if not positional else 'no more values'} without a key",
        got=f"{len(item.arguments)} arguments",
        expected=f"{cls.keyword}({', '.join(positional)})" if positional else cls.keyword,
        hint=(f"did you mean {keyed}={value}?" if keyed else None)
        or ("sizes are joined by x, as in 32x32x3" if any(a.kind is SIZES for a in cls.arguments) else None),
    )


def _refusal(
    written: ast.Argument, argument: Argument, value: Any, scope: Scope, hint: str | None = None
) -> NotationError:
    if isinstance(value, str) and hint is None:
        close = nearest(value, argument.kind.words)
        hint = f"did you mean {close}?" if close else None
    return failure(
        scope,
        written.value.position,
        f"{argument.key} cannot be this",
        got=value,
        expected=argument.kind.expected,
        hint=hint,
    )
