"""Report values of an experiment: statements with the figures that decide them, tables, charts, and the verdict."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

Side = Literal["above", "below"]
Verdict: TypeAlias = Literal["holds", "holds partly", "does not hold here", "not decided here"]


@dataclass(frozen=True)
class Interval:
    """A mean, and between which bounds the true one lies with a confidence of 95%.

    Attributes:
        mean: of the values.
        low, high: the bounds; infinite for a single value, the mean itself for what is exact.
        count: of values.
    """

    mean: float
    low: float
    high: float
    count: int

    @property
    def is_exact(self) -> bool:
        """Whether it was counted or computed, rather than drawn."""
        return self.count == 1 and self.low == self.high

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.mean:.4g}"
        if not math.isfinite(self.high - self.low):
            return f"{self.mean:.4g} (one value)"
        return f"{self.mean:.4g} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True)
class Statement:
    """A part of the claim that the measurements decide.

    Attributes:
        text: what is claimed, as a sentence.
        measured: the figure that decides.
        side: on which side of ``bound`` the claim has it.
        bound: 0 for a difference.
        unit: of the figure, as it is shown behind it.
    """

    text: str
    measured: Interval
    side: Side = "above"
    bound: float = 0.0
    unit: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the whole interval lies on the claimed side, or on the other; None where it lies on both."""
        above, below = self.measured.low > self.bound, self.measured.high < self.bound
        if not above and not below:
            return False if self.measured.is_exact else None
        return above if self.side == "above" else below


@dataclass(frozen=True)
class Table:
    """Rows of text under a title; the first column names them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Line:
    """A curve with what it is sure of: (x, interval) from left to right."""

    name: str
    points: tuple[tuple[float, Interval], ...]


@dataclass(frozen=True)
class Chart:
    """Curves over one another. ``log_x`` and ``log_y``: by powers of ten."""

    title: str
    x_name: str
    y_name: str
    lines: tuple[Line, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Quoted:
    """A paper's figure beside ours."""

    what: str
    paper: str
    ours: str
    source: str


@dataclass(frozen=True)
class Conclusion:
    """What the measurements come to.

    Attributes:
        statements: the parts of the claim, each decided by a figure.
        tables, charts: what was measured.
        quoted: papers' figures beside ours.
        cautions: what the measurements do not show.
    """

    statements: tuple[Statement, ...]
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    quoted: tuple[Quoted, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """From the statements: all hold; some do; none does, and some are refuted; or all are open."""
        held = [statement.holds for statement in self.statements]
        if all(held):
            return "holds"
        if any(held):
            return "holds partly"
        return "does not hold here" if False in held else "not decided here"


@dataclass(frozen=True)
class LabReport:
    """An experiment and what came of it.

    Attributes:
        claim, says, sources: of the experiment.
        size: quick or full.
        data: the source of the data; empty where it took none.
        command: which makes it again.
        conclusion: statements with their figures, tables, charts.
        trials: how many measurements it rests on.
        measured: how many of them were made now; the others were kept from before.
        seconds: that these took.
        machine: the processor.
        versions: of the libraries.
    """

    claim: str
    says: str
    sources: tuple[str, ...]
    size: str
    data: str
    command: str
    conclusion: Conclusion
    trials: int
    measured: int
    seconds: float
    machine: str
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON types, the verdict and what each statement comes to included."""
        values = asdict(self)
        values["verdict"] = self.conclusion.verdict
        for statement, found in zip(values["conclusion"]["statements"], self.conclusion.statements, strict=True):
            statement["holds"] = found.holds
        return values
