"""An exploration's Pareto fronts as a table for the terminal, and for Markdown."""

from __future__ import annotations

from textwrap import fill

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.views.front import Exploration, best_lines, rows, summary
from tatami.views.plan_markdown import markdown_table


def front_table(found: Exploration) -> RenderableType:
    """One trial of a front a row; then what was tried.

    The values of the names that vary stand in one column, under the names, which may be long.
    """
    headings, cells = rows(found)
    count = len(found.names)
    widths = [max(map(len, column)) for column in zip(*(row[:count] for row in cells), strict=True)]
    bound = ["  ".join(text.rjust(width) for text, width in zip(row, widths, strict=False)) for row in cells]
    wide = max([8, *map(len, found.names), *map(len, bound)])
    names = fill("  ".join(found.names), wide, break_long_words=False, break_on_hyphens=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(Text(names), no_wrap=True)
    for heading in headings[count:]:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for first, row in zip(bound, cells, strict=True):
        table.add_row(*map(Text, (first, *row[count:])))
    return Group(table, Text("\n".join(summary(found))))


def front_markdown(found: Exploration) -> str:
    """The same table, what was tried, and the best with its test."""
    headings, cells = rows(found)
    items = "\n".join(f"- {said}" for said in (said.replace("*", "\\*") for said in summary(found)))
    lines = "\n".join(f"    {line}" for line in best_lines(found))
    bare = [tuple(cell.replace("*", "\\*").strip() for cell in row) for row in cells]
    return "\n\n".join([markdown_table(headings, bare), items, lines]) + "\n"
