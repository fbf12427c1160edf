"""A plan as Markdown: a table of the layers, the sums, the notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tatami.plan import Plan
from tatami.views.numbers import bytes_text, short
from tatami.views.plan_rows import HEADINGS, field_text, layer_row


def plan_markdown(plan: Plan) -> str:
    """The layers, one a row, a bold row of sums, memory, and notes."""
    totals, memory = plan.totals, plan.memory
    total = ("total", "", f"{totals.params:,}", short(totals.macs), f"{totals.activation_values:,}")
    bold = tuple(f"**{cell}**" if cell else "" for cell in (*total, field_text(totals.field), ""))
    lines = [
        markdown_table(HEADINGS, [*map(layer_row, plan.layers), bold]),
        f"Textbook memory, batch {memory.batch}, float32: {bytes_text(memory.textbook_forward_bytes)} forward, "
        f"{bytes_text(memory.textbook_training_bytes)} with backward.",
        *(f"Note: {cost.name}: {note.replace('*', chr(92) + '*')}" for cost in plan.layers for note in cost.notes),
    ]
    return "\n\n".join(lines) + "\n"


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with its first column to the left and the others to the right."""
    lines = [
        [*map(_escaped, headings)],
        ["---", *["---:"] * (len(headings) - 1)],
        *([_escaped(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
