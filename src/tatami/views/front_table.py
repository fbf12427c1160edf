"""An exploration's Pareto fronts as a table for the terminal, and for Markdown."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.views.front import Exploration, best_lines, rows, summary
from tatami.views.plan_markdown import markdown_table


def front_table(found: Exploration) -> RenderableType:
    """One trial of a front a row; then what was tried."""
    headings, cells = rows(found)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in headings:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for row in cells:
        table.add_row(*map(Text, row))
    return Group(table, Text("\n".join(summary(found))))


def front_markdown(found: Exploration) -> str:
    """The same table, what was tried, and the best with its test."""
    headings, cells = rows(found)
    items = "\n".join(f"- {said}" for said in (said.replace("*", "\\*") for said in summary(found)))
    lines = "\n".join(f"    {line}" for line in best_lines(found))
    bare = [tuple(cell.replace(" *", " \\*").strip() for cell in row) for row in cells]
    return "\n\n".join([markdown_table(headings, bare), items, lines]) + "\n"
