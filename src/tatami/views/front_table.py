"""An exploration's Pareto fronts as a table for the terminal, and for Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.views.front import Exploration, best_lines, rows, summary
from tatami.views.plan_markdown import markdown_table

ROOM = 18
"""Characters that the names that vary have in one line: with more, the table would not fit a terminal of 80."""


def front_table(found: Exploration) -> RenderableType:
    """One trial of a front a row, with each value under the name that takes it; then what was tried."""
    headings, cells = rows(found)
    count = len(found.names)
    names, bound = _aligned(found.names, [row[:count] for row in cells])
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(Text(names), no_wrap=True)
    for heading in headings[count:]:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for first, row in zip(bound, cells, strict=True):
        table.add_row(*map(Text, (first, *row[count:])))
    return Group(table, Text("\n".join(summary(found))))


def _aligned(names: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, list[str]]:
    """A heading and rows in columns, closer together than a table's would be.

    Where the names take too much room, choices such as ``{16|24|32}`` stand one below the other.
    """
    lines = _lines([[name] for name in names], rows)
    if max(map(len, lines), default=0) > ROOM:
        lines = _lines([re.split(r"(?<=\|)", name) for name in names], rows)
    height = len(lines) - len(rows)
    return "\n".join(lines[:height]), lines[height:]


def _lines(heads: Sequence[list[str]], rows: Sequence[Sequence[str]]) -> list[str]:
    """Each column's heading, which is one or more texts, above its values."""
    height = max(map(len, heads), default=0)
    table = [*zip(*([""] * (height - len(head)) + head for head in heads), strict=True), *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [" ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in table]


def front_markdown(found: Exploration) -> str:
    """The same table, what was tried, and the best with its test."""
    headings, cells = rows(found)
    items = "\n".join(f"- {said}" for said in (said.replace("*", "\\*") for said in summary(found)))
    lines = "\n".join(f"    {line}" for line in best_lines(found))
    bare = [tuple(cell.replace("*", "\\*").strip() for cell in row) for row in cells]
    return "\n\n".join([markdown_table(headings, bare), items, lines]) + "\n"
