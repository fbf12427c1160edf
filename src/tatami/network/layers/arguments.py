"""How layer attributes are written in the notation: names, order, kinds of value.

A kind turns an evaluated value (int, float, word, tuple, :class:`PerAxis`) into the attribute's Python value, or
returns :data:`REFUSED`. Binding itself is in :mod:`tatami.network.binding`. A layer holds each attribute against its
kind (:meth:`tatami.network.layers.base.Layer.__post_init__`): layers made in Python or read from JSON keep one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

MAX_LENGTH = 1_000_000  # of a map along one axis, and of windows; keeps every computation on sizes instant
MAX_CHANNELS = 1_000_000  # of a map, and units of a layer
MAX_VALUES = 10**12  # of one map
MAX_PARAMETERS = 10**12  # of a whole network

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
    """One kind of value.

    Attributes:
        expected: what to say it is.
        read: the attribute's value, or :data:`REFUSED`; an attribute's own value is read as itself.
        words: the words that it knows.
        limit: the largest whole number in it.
        in_python: what to say where ``expected`` speaks of the notation alone.
    """

    expected: str
    read: Callable[[Any], Any]
    words: frozenset[str] = frozenset()
    limit: int | None = None
    in_python: str | None = None

    def refusal(self, value: Any) -> tuple[str, str] | None:
        """Why an attribute cannot hold ``value``: the problem, and what would be accepted. None if it can."""
        read = self.read(value)
        if read is REFUSED or read != value:
            return "cannot be this", self.in_python or self.expected
        if self.limit is not None and _largest(value) > self.limit:
            return "is too large", f"at most {self.limit:,}"
        return None


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


def _largest(value: Any) -> float:
    """The largest number in a value; words have none."""
    if isinstance(value, tuple):
        return max(map(_largest, value), default=0)
    return 0 if isinstance(value, str) else value


def is_whole(value: Any, minimum: int) -> bool:
    """Whether it is a whole number of at least ``minimum``; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum


def _integer(minimum: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return value if is_whole(value, minimum) else REFUSED

    return read


def _sizes(value: Any) -> Any:
    if isinstance(value, int):
        value = (value,)
    if isinstance(value, tuple) and value and all(is_whole(v, 1) for v in value):
        return tuple(value)
    return REFUSED


def _pair(value: Any) -> Any:
    valid = isinstance(value, tuple) and len(value) == 2 and all(is_whole(v, 0) for v in value)
    return tuple(value) if valid else REFUSED


def _padding(value: Any) -> Any:
    if isinstance(value, str):
        return value.lower() if value.lower() in {"same", "valid"} else REFUSED
    if isinstance(value, int):
        return ((value, value),) if is_whole(value, 0) else REFUSED
    if isinstance(value, PerAxis):
        return tuple((v, v) for v in value)
    if isinstance(value, tuple) and all(isinstance(v, tuple) for v in value):
        pairs = tuple(map(_pair, value))
        return REFUSED if REFUSED in pairs else pairs
    pair = _pair(value)
    return pair if pair is REFUSED else (pair,)


def _flag(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return FLAG_WORDS.get(value.lower(), REFUSED) if isinstance(value, str) else REFUSED


def _number(low: float, high: float) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return float(value) if is_number and low <= value <= high else REFUSED

    return read


def choice(*words: str) -> Kind:
    """One word of a few."""

    def read(value: Any) -> Any:
        return value.lower() if isinstance(value, str) and value.lower() in words else REFUSED

    return Kind(" or ".join(words), read, frozenset(words))


FLAG_WORDS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}

COUNT = Kind("a whole number of at least 1", _integer(1), limit=MAX_CHANNELS)
FIRST = Kind("a whole number of at least 0", _integer(0), limit=MAX_VALUES)  # of channels, or of a vector's values
BEHIND = Kind("a whole number of at least 1", _integer(1), limit=MAX_VALUES)
SIZES = Kind("a size such as 3 or 3x3", _sizes, limit=MAX_LENGTH, in_python="a tuple of sizes such as (3, 3)")
PADDING = Kind(
    "same, valid, a number, sizes such as 1x3, or (before, after)",
    _padding,
    frozenset({"same", "valid"}),
    MAX_LENGTH,
    "'same', 'valid', or a pair for each axis such as ((1, 1), (1, 1))",
)
FLAG = Kind("yes or no", _flag, frozenset(FLAG_WORDS), in_python="True or False")
RATE = Kind("a rate of at least 0 and under 1", lambda v: REFUSED if v == 1 else _number(0, 1)(v))
POSITIVE = Kind("a positive number", lambda v: REFUSED if v == 0 else _number(0, 1e9)(v))
FRACTION = Kind("a number between 0 and 1", _number(0, 1))
