"""The health of a data set as tables and lines for the terminal, readable at 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tatami.views.health_rows import Row, class_rows, split_rows, target_rows, title
from tatami.views.health_values import FindingValues, HealthValues

MAX_ROWS = 30
"""Classes in the table; the page and JSON have all."""

_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


def health_table(health: HealthValues) -> RenderableType:
    """What the data are, the figures of the splits, the classes or targets, the findings, and the summary last."""
    parts: list[RenderableType] = [Text(title(health)), _table(*split_rows(health))]
    headings, rows = target_rows(health) if health.targets else class_rows(health)
    parts.append(_table(headings, rows[:MAX_ROWS]))
    if len(rows) > MAX_ROWS:
        parts.append(Text(f"and {len(rows) - MAX_ROWS:,} more; --format json lists all", style="dim"))
    for found in health.findings:
        parts += _finding(found)
    return Group(*parts, Text(health.summary))


def _table(headings: Row, rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _finding(found: FindingValues) -> list[RenderableType]:
    line = Text.assemble((found.level, _STYLES[found.level]), f": {found.text}")
    names = [Padding(Text(name, style="dim", overflow="fold"), (0, 0, 0, 4)) for name in found.names]
    return [line, *names]
