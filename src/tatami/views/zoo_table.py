"""The zoo as a table for the terminal."""

from __future__ import annotations

from rich import box
from rich.table import Table

from tatami.network.layers import size_text
from tatami.network.netfile import NetFile
from tatami.plan import Plan
from tatami.views.numbers import short


def zoo_table(rows: list[tuple[NetFile, Plan]]) -> Table:
    """One network a row."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("network")
    for heading in ("input", "params", "MACs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for entry, plan in rows:
        table.add_row(
            entry.name, entry.title, size_text(plan.input), f"{plan.totals.params:,}", short(plan.totals.macs)
        )
    return table
