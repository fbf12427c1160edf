"""A comparison as tables for the terminal, readable at 80 columns, and as data."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.network.layers import size_text
from tatami.plan.compare import Comparison, Row
from tatami.plan.figures import FIGURES
from tatami.views.compare_words import compare_words
from tatami.views.numbers import bytes_text, short

SCHEMA = "tatami.compare/1"
ABREAST = 4  # networks in one table; the first stands in each
LABELS = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "activation_values": "activation values",
    "activations": "maps, forward",
    "textbook_memory": "with backward",
    "memory": "peak, training",
    "receptive_field": "receptive field",
    "layers": "layers with weights",
    "depth": "depth",
    "nonlinearities": "non-linearities",
}
_EXACT_BELOW = 10**8  # larger figures are shortened: four columns fit a terminal


def compare_table(comparison: Comparison) -> RenderableType:
    """Figures down, networks across, at most :data:`ABREAST` in a table; then the words."""
    others = list(range(1, len(comparison.names)))
    groups = [others[i : i + ABREAST - 1] for i in range(0, len(others), ABREAST - 1)] or [[]]
    legend = f"▾ smallest, ▴ largest; batch {comparison.networks[0].batch}, float32"
    if len(comparison.names) > 1:
        legend += f"; x: times {comparison.names[0]}"
    words = [Text(f"- {sentence}") for sentence in compare_words(comparison)]
    return Group(*(_table(comparison, [0, *group]) for group in groups), Text(legend, style="dim"), *words)


def _table(comparison: Comparison, shown: list[int]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("", no_wrap=True)
    for i in shown:
        table.add_column(Text(comparison.names[i]), justify="right", overflow="fold", min_width=8)
    table.add_row("output", *(size_text(comparison.networks[i].output) for i in shown))
    for row in comparison.rows:
        table.add_row(LABELS[row.name], *(_cell(row, i) for i in shown))
        if row.differs and len(shown) > 1:
            # Below the figure, whose mark takes two places.
            table.add_row("", *(f"{ratio_text(row, i)}  " if ratio_text(row, i) else "" for i in shown), style="dim")
    return table


def _cell(row: Row, i: int) -> Text:
    if i in row.smallest:
        return Text(f"{value_text(row, i)} ▾", style="green")
    if i in row.largest:
        return Text(f"{value_text(row, i)} ▴", style="yellow")
    return Text(f"{value_text(row, i)}  ")


def value_text(row: Row, i: int) -> str:
    """The figure of network ``i``."""
    value = row.values[i]
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return size_text(value)
    if FIGURES[row.name].in_bytes:
        return bytes_text(value)
    return f"{value:,}" if value < _EXACT_BELOW else short(value)


def ratio_text(row: Row, i: int) -> str:
    """How many times the first network's figure; empty for the first, and where there is no ratio."""
    ratio = row.ratios[i]
    return "" if i == 0 or ratio is None else f"{ratio:.3g}x" if ratio < 1000 else f"{ratio:,.0f}x"


def compare_json(comparison: Comparison) -> dict[str, Any]:
    """Plain JSON types: each network's figures and ratios to the first, the extremes by index, and the words."""
    return {
        "schema": SCHEMA,
        "batch": comparison.networks[0].batch,
        "networks": [
            {
                "name": name,
                "output": list(figures.output),
                **{row.name: _plain(row.values[i]) for row in comparison.rows},
                "ratios": {row.name: row.ratios[i] for row in comparison.rows},
            }
            for i, (name, figures) in enumerate(zip(comparison.names, comparison.networks, strict=True))
        ],
        "smallest": {row.name: sorted(row.smallest) for row in comparison.rows},
        "largest": {row.name: sorted(row.largest) for row in comparison.rows},
        "words": list(compare_words(comparison)),
    }


def _plain(value: int | tuple[int, ...] | None) -> int | list[int] | None:
    return list(value) if isinstance(value, tuple) else value
