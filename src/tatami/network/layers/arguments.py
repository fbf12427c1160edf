"""How layer attributes are written in the notation: names, order, kinds of value.

A kind turns an evaluated value (int, float, word, tuple, :class:`PerAxis`) into the attribute's Python value, or
returns :data:`REFUSED`. Binding itself is in :mod:`tatami.network.binding`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

Padding: TypeAlias = Literal["same", "valid"] | tuple[tuple[int, int], ...]


class PerAxis(tuple[int, ...]):
    """Sizes written with an x between: one for each spatial axis."""

    __slots__ = ()

    def __str__(self) -> str:
        return "x".join(map(str, self))


class _Refused:
    pass


REFUSED: Final = _Refused()


@dataclass(frozen=True)
class Kind:
    """One kind of value: what to say it is, how to read it, and the words it knows."""

    expected: str
    read: Callable[[Any], Any]
    words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Argument:
    """An attribute in the notation.

    Attributes:
        field: the dataclass field that it sets.
        kind: the kind of value that it takes.
        keys: its names in the notation, besides the field's own; the first is the one printed.
        positional: may be given without a key.
    """

    field: str
    kind: Kind
    keys: tuple[str, ...] = ()
    positional: bool = False

    @property
    def key(self) -> str:
        """The name that printing uses."""
        return self.keys[0] if self.keys else self.field


def _integer(minimum: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return value if isinstance(value, int) and value >= minimum else REFUSED

    return read


def _sizes(value: Any) -> Any:
    if isinstance(value, int):
        value = (value,)
    if isinstance(value, tuple) and value and all(isinstance(v, int) and v >= 1 for v in value):
        return tuple(value)
    return REFUSED


def _pair(value: Any) -> Any:
    valid = isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) and v >= 0 for v in value)
    return tuple(value) if valid else REFUSED


def _padding(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower() if value.lower() in {"same", "valid"} else REFUSED
    if isinstance(value, int):
        return ((value, value),) if value >= 0 else REFUSED
    if isinstance(value, PerAxis):
        return tuple((v, v) for v in value)
    if isinstance(value, tuple) and all(isinstance(v, tuple) for v in value):
        pairs = tuple(map(_pair, value))
        return REFUSED if REFUSED in pairs else pairs
    pair = _pair(value)
    return pair if pair is REFUSED else (pair,)


def _flag(value: Any) -> Any:
    return FLAG_WORDS.get(value.lower(), REFUSED) if isinstance(value, str) else REFUSED


def _number(low: float, high: float) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return float(value) if isinstance(value, (int, float)) and low <= value <= high else REFUSED

    return read


def choice(*words: str) -> Kind:
    """One word of a few."""

    def read(value: Any) -> Any:
        return value.lower() if isinstance(value, str) and value.lower() in words else REFUSED

    return Kind(" or ".join(words), read, frozenset(words))


FLAG_WORDS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}

COUNT = Kind("a whole number of at least 1", _integer(1))
INDEX = Kind("a whole number of at least 0", _integer(0))
SIZES = Kind("a size such as 3 or 3x3", _sizes)
PADDING = Kind("same, valid, a number, sizes such as 1x3, or (before, after)", _padding, frozenset({"same", "valid"}))
FLAG = Kind("yes or no", _flag, frozenset(FLAG_WORDS))
RATE = Kind("a rate of at least 0 and under 1", lambda v: REFUSED if v == 1 else _number(0, 1)(v))
POSITIVE = Kind("a positive number", lambda v: REFUSED if v == 0 else _number(0, 1e9)(v))
FRACTION = Kind("a number between 0 and 1", _number(0, 1))
