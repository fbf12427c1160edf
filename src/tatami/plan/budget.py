"""Budgets: assertions on a network's figures, such as ``params < 5M`` and ``memory(batch=64) < 8GB``.

    assertion = FIGURE [ "(" "batch" "=" NUMBER ")" ] OPERATOR VALUE [ UNIT ]

Nothing is evaluated but this. Values are exact (no floating point): ``0.1G`` is 100,000,000.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from tatami.errors import OptionError, nearest
from tatami.plan.figures import Figure, Figures, figure_named

_OPERATORS: dict[str, Callable[[int, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}
_COUNT_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BYTE_UNITS = {
    "B": 1,
    **{"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12},
    **{"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40},
}
_SHAPE = re.compile(
    r"\s*(?P<figure>[A-Za-z_]\w*)\s*(?:\((?P<arguments>[^()]*)\))?"
    r"\s*(?P<operator>[<>=!]+)"
    r"\s*(?P<number>(?:\d{1,3}(?:,\d{3})+|[\d_]*\d)(?:\.\d+)?(?:[eE]\+?\d{1,2})?)\s*(?P<unit>[A-Za-z]*)\s*"
)
_ARGUMENT = re.compile(r"\s*batch\s*=\s*(\d{1,12})\s*")
_MAX_LENGTH = 200  # characters of an assertion


@dataclass(frozen=True)
class Assertion:
    """What must hold: ``figure operator limit``, for ``batch`` samples where one is named.

    ``bound`` is the limit as it was written, ``8GB``.
    """

    figure: Figure
    operator: str
    limit: Fraction
    bound: str
    batch: int | None = None

    @property
    def name(self) -> str:
        """``params`` or ``memory(batch=64)``."""
        return self.figure.name if self.batch is None else f"{self.figure.name}(batch={self.batch})"

    def __str__(self) -> str:
        return f"{self.name} {self.operator} {self.bound}"


@dataclass(frozen=True)
class Verdict:
    """Whether an assertion holds, and the figure that decided it (None: there is no single one)."""

    assertion: Assertion
    value: int | tuple[int, ...] | None
    holds: bool

    def __str__(self) -> str:
        """``params is 138,357,544, which is not < 5,000,000``."""
        said = self.assertion
        if self.value is None:
            return f"{said.name} has no single value, so it cannot be {said.operator} {said.bound}"
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        got = "x".join(_amount(value, said.figure) for value in values)
        along = " along every axis" if len(values) > 1 else ""
        limit = _amount(said.limit, said.figure)
        return f"{said.name} is {got}, which is {'not ' * (not self.holds)}{said.operator} {limit}{along}"


def read_assertion(text: str) -> Assertion:
    """Read ``memory(batch=64) < 8GB``.

    Raises:
        OptionError: with what was expected, and the nearest name where one is close.
    """
    found = _SHAPE.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if found is None or found["operator"] not in _OPERATORS:
        raise OptionError(
            "unreadable assertion",
            got=text[:_MAX_LENGTH],
            expected="FIGURE OPERATOR VALUE, such as 'params < 5M' or 'memory(batch=64) < 8GB'",
            hint=f"operators are {' '.join(_OPERATORS)}" if found else None,
        )
    figure = figure_named(found["figure"])
    batch = None if found["arguments"] is None else _batch(figure, found["arguments"], text)
    number = Fraction(re.sub("[,_]", "", found["number"]))
    limit = number * _scale(found["unit"], figure, text)
    return Assertion(figure, found["operator"], limit, found["number"] + found["unit"], batch)


def check_budget(
    assertions: Iterable[Assertion], figures: Figures, at_batch: Callable[[int], Figures]
) -> tuple[Verdict, ...]:
    """Check every assertion, whether or not one before it failed.

    Args:
        assertions: what must hold.
        figures: the network's.
        at_batch: the same network's figures for another batch; asked only where an assertion names one.
    """
    return tuple(
        _check(said, figures if said.batch in (None, figures.batch) else at_batch(said.batch)) for said in assertions
    )


def _check(said: Assertion, figures: Figures) -> Verdict:
    value = said.figure.value(figures)
    values = value if isinstance(value, tuple) else () if value is None else (value,)
    holds = bool(values) and all(_OPERATORS[said.operator](each, said.limit) for each in values)
    return Verdict(said, value, holds)


def _batch(figure: Figure, arguments: str, text: str) -> int:
    found = _ARGUMENT.fullmatch(arguments)
    if not figure.per_batch:
        raise OptionError(f"{figure.name} does not depend on anything in brackets", got=text, expected=figure.name)
    if found is None or int(found[1]) < 1:
        raise OptionError("unreadable assertion", got=text, expected=f"{figure.name}(batch=64)")
    return int(found[1])


def _scale(unit: str, figure: Figure, text: str) -> int:
    """What one of ``unit`` stands for."""
    units, others = (_BYTE_UNITS, _COUNT_UNITS) if figure.in_bytes else (_COUNT_UNITS, _BYTE_UNITS)
    if unit in units:
        return units[unit]
    close = nearest(unit, units)
    hint = f"did you mean {close}?" if close else None
    if figure.in_bytes:
        problem, expected = f"{figure.name} is in bytes", "kB, MB, GB, TB (powers of 10) or KiB, MiB, GiB, TiB (of 2)"
        if unit in others:
            hint = f"did you mean {unit}B?" if unit else "say the unit, as in 8GB"
    else:
        problem, expected = f"{figure.name} is a count", "no unit, or k, M, G, T"
        if unit in others:
            hint = "bytes are the unit of memory, textbook_memory, activations and weights"
    raise OptionError(problem, got=text, expected=expected, hint=hint)


def _amount(value: int | Fraction, figure: Figure) -> str:
    exact = f"{int(value):,}" if value == int(value) else f"{float(value):,}"
    return f"{exact} bytes" if figure.in_bytes else exact
