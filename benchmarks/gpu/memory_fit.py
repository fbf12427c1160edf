"""Foretold against measured: errors, and constants fitted on some networks for use on the others."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from foretold import Foretold
from memory_search import Found


@dataclass(frozen=True)
class Row:
    """A network's step in one way, as foretold and as measured.

    Attributes:
        title: the network's.
        calibrates: whether constants are fitted on it.
        dtype, optimizer, batch: of the step.
        foretold: bytes, from the plan.
        measured: ``allocated``, ``reserved``, ``driver`` in bytes, each None where it could not be measured; or the
            ``error``.
        largest: what the search for the largest batch came to, None where there was none; or why it failed.
    """

    title: str
    calibrates: bool
    dtype: str
    optimizer: str
    batch: int
    foretold: Foretold
    measured: dict
    largest: Found | str | None = None

    def error(self, what: str) -> float | None:
        """By how much the foretold bytes are above the measured ones, relative to these."""
        foretold, measured = getattr(self.foretold, what), self.measured.get(what)
        return foretold / measured - 1 if foretold and measured else None

    @property
    def outside(self) -> int | None:
        """Bytes of the card that are not the allocator's: the context, and what libraries take by themselves."""
        driver, reserved = self.measured.get("driver"), self.measured.get("reserved")
        return None if driver is None or reserved is None else driver - reserved


@dataclass(frozen=True)
class Constants:
    """What no rule gives, in bytes, and the margin as a share.

    Attributes:
        outside: the most that was taken beside the allocator's segments.
        workspace: the median by which measured peaks of tensors are above the foretold ones.
        margin: what must be added to the foretold segments so that none is above them.
    """

    outside: int
    workspace: int
    margin: float

    def allocated(self, row: Row) -> float | None:
        """The error of the peak of tensors with the workspace added."""
        measured = row.measured.get("allocated")
        return (row.foretold.allocated + self.workspace) / measured - 1 if measured else None

    def driver(self, row: Row) -> float | None:
        """The error of the card's bytes: segments with the margin, and what lies outside."""
        reserved, measured = row.foretold.reserved, row.measured.get("driver")
        return (reserved * (1 + self.margin) + self.outside) / measured - 1 if reserved and measured else None


def calibrate(rows: Sequence[Row]) -> Constants | None:
    """Constants from the rows that calibrate, and from no other; None where these have not all three measurements."""
    fitted = [row for row in rows if row.calibrates]
    outside = [row.outside for row in fitted if row.outside is not None]
    above = [m - row.foretold.allocated for row in fitted if (m := row.measured.get("allocated"))]
    errors = [error for row in fitted if (error := row.error("reserved")) is not None]
    if not (outside and above and errors):
        return None
    return Constants(max(outside), round(statistics.median(above)), max(0.0, 1 / (1 + min(errors)) - 1))


def worst(errors: Sequence[float | None]) -> float | None:
    """The error that is furthest from nothing."""
    return max((error for error in errors if error is not None), key=abs, default=None)
