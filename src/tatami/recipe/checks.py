"""Checks of single values, and the search for a recipe by its name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from tatami.errors import OptionError, nearest

_R = TypeVar("_R")


def need(where: str, name: str, value: object, expected: str, accept: Callable[[float], bool]) -> None:
    """Refuse a ``value`` that is no finite number, or that ``accept`` does not take.

    Raises:
        OptionError: ``adam: impossible lr; got -1; expected a positive number``.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not accept(value):  # type: ignore[arg-type]  # is_number says that it is one
        raise OptionError(f"impossible {name}", where=where, got=value, expected=expected)


def need_positive(where: str, name: str, value: object) -> None:
    """Refuse what is not a positive number."""
    need(where, name, value, "a positive number", lambda v: v > 0)


def need_at_least_zero(where: str, name: str, value: object) -> None:
    """Refuse what is not a number of at least 0."""
    need(where, name, value, "a number of at least 0", lambda v: v >= 0)


def need_share(where: str, name: str, value: object) -> None:
    """Refuse what is not a number of at least 0 and under 1."""
    need(where, name, value, "a number of at least 0 and under 1", lambda v: 0 <= v < 1)


def find(kind: str, name: str, known: Mapping[str, _R]) -> _R:
    """The recipe called ``name``, letter case aside.

    Raises:
        OptionError: there is none; suggests the nearest name.
    """
    found = known.get(name.casefold())
    if found is None:
        close = nearest(name, known)
        raise OptionError(
            f"unknown {kind}",
            got=name,
            expected=", ".join(known),
            hint=f"did you mean {close}?" if close else None,
        )
    return found


def need_options(where: str, recipe: type[Any], options: Mapping[str, object]) -> None:
    """Refuse options that the dataclass ``recipe`` does not have.

    Raises:
        OptionError: names the first; suggests the nearest.
    """
    known = [field.name for field in fields(recipe)]
    for name in options:
        if name not in known:
            close = nearest(name, known)
            raise OptionError(
                f"unknown option {name}",
                where=where,
                expected=", ".join(known) or "none",
                hint=f"did you mean {close}?" if close else None,
            )
