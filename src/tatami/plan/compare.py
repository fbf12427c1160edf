"""Networks side by side: the same figures of each, with ratios to the first, and which is smallest and largest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tatami.plan.figures import FIGURES, Figures

_UNNAMED = "network"  # what a text without a name calls itself

SCALARS = (
    *("params", "macs", "flops", "activation_values", "activations", "textbook_memory", "memory"),
    *("receptive_field", "layers", "depth", "nonlinearities"),
)
"""Names of the compared figures, besides the output. The memories are bytes of a step of the plans' batch."""


@dataclass(frozen=True)
class Row:
    """One figure of every network.

    Attributes:
        name: as in :data:`tatami.plan.figures.FIGURES`.
        values: a number; one for each axis where the axes differ; None where there is no single one.
        ratios: each value over the first network's; None where one of them is no number, or the first is 0.
        smallest, largest: which networks (by index) hold the extremes; empty where all agree or one is no number.
    """

    name: str
    values: tuple[int | tuple[int, ...] | None, ...]
    ratios: tuple[float | None, ...]
    smallest: frozenset[int]
    largest: frozenset[int]

    @property
    def differs(self) -> bool:
        """Whether the networks do not all agree."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Comparison:
    """Networks by name, their figures, and the rows that compare them."""

    names: tuple[str, ...]
    networks: tuple[Figures, ...]
    rows: tuple[Row, ...]

    def row(self, name: str) -> Row:
        """The row of one figure."""
        return next(row for row in self.rows if row.name == name)


def distinct_names(names: Sequence[str]) -> list[str]:
    """The names of networks, each but once: a text has its place for a name, and so has the second of a name."""
    counts = Counter(names)
    return [
        f"net {i}" if name == _UNNAMED else f"{name} ({i})" if counts[name] > 1 else name
        for i, name in enumerate(names, start=1)
    ]


def compare(named: Sequence[tuple[str, Figures]]) -> Comparison:
    """Compare networks, each with the name under which it is shown. The first is what the others are measured by."""
    networks = tuple(figures for _, figures in named)
    return Comparison(tuple(name for name, _ in named), networks, tuple(_row(name, networks) for name in SCALARS))


def _row(name: str, networks: tuple[Figures, ...]) -> Row:
    values = tuple(FIGURES[name].value(figures) for figures in networks)
    numbers = [value for value in values if isinstance(value, int)]
    ranked = len(numbers) == len(values) and len(set(numbers)) > 1
    return Row(
        name,
        values,
        tuple(_ratio(value, values[0]) for value in values),
        frozenset(i for i, value in enumerate(values) if ranked and value == min(numbers)),
        frozenset(i for i, value in enumerate(values) if ranked and value == max(numbers)),
    )


def _ratio(value: object, first: object) -> float | None:
    return value / first if isinstance(value, int) and isinstance(first, int) and first else None
