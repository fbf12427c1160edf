"""A plan as a table for the terminal, readable at 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.network.layers import size_text
from tatami.plan import Field, Plan
from tatami.views.numbers import bytes_text, short


def plan_table(plan: Plan) -> RenderableType:
    """The layers, one a row, then totals, memory, and notes."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("layer", no_wrap=True)
    for heading in ("output", "params", "MACs", "values", "field", "jump"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cost in plan.layers:
        table.add_row(
            cost.name,
            size_text(cost.output),
            f"{cost.params:,}" if cost.params else "",
            short(cost.macs) if cost.macs else "",
            f"{cost.activation_values:,}" if cost.activation_values else "in place",
            field_text(cost.field),
            _axes_text(cost.field, "jump"),
            style="dim" if not cost.params and not cost.activation_values else None,
        )
    return Group(table, _summary(plan), *_notes(plan))


def _summary(plan: Plan) -> Text:
    totals, memory = plan.totals, plan.memory
    lines = [
        f"parameters       {totals.params:,}"
        + (f" (and {totals.buffers:,} running statistics)" * bool(totals.buffers)),
        f"MACs             {totals.macs:,} = {short(totals.macs)}; FLOPs = 2 x MACs = {short(totals.flops)}",
        f"activations      {totals.activation_values:,} values a sample",
        f"receptive field  {field_text(totals.field)} (last map)",
        f"memory, batch {memory.batch}, float32:",
        f"  textbook       {bytes_text(memory.textbook_forward_bytes)} forward, "
        f"{bytes_text(memory.textbook_training_bytes)} with backward",
        f"  by kind        weights {bytes_text(memory.weights)}, gradients {bytes_text(memory.gradients)}, "
        f"optimizer {bytes_text(memory.optimizer)}, activations {bytes_text(memory.activations)}",
    ]
    return Text("\n".join(lines))


def _notes(plan: Plan) -> list[Text]:
    return [Text(f"note: {cost.name}: {note}", style="yellow") for cost in plan.layers for note in cost.notes]


def field_text(field: Field) -> str:
    """``212``, ``5x1`` where the axes differ, ``all`` for a vector, ``-`` where branches are misaligned."""
    if field.axes is None:
        return "all" if field.why == "whole" else "-"
    return _axes_text(field, "size")


def _axes_text(field: Field, attribute: str) -> str:
    if field.axes is None:
        return ""
    values = [getattr(axis, attribute) for axis in field.axes]
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))
