"""An evaluation as a table for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from tatami.views.evaluation import Evaluation
from tatami.views.evaluation_rows import CLASS_HEADINGS, TARGET_HEADINGS, class_row, target_rows

MOST = 20
"""The most classes of which there is a table."""


def evaluation_table(found: Evaluation) -> Table | None:
    """One class, or one target, a row; None where there would be too many rows, or a single one that says nothing."""
    if found.classes is not None and len(found.classes.classes) <= MOST:
        return _table(CLASS_HEADINGS, [class_row(figures) for figures in found.classes.classes])
    rows = target_rows(found)
    if 1 < len(rows) <= MOST:
        return _table(TARGET_HEADINGS, rows)
    return None


def _table(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(headings[0], overflow="fold")
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table
