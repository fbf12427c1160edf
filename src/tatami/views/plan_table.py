"""A plan as a table for the terminal, readable at 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from tatami.plan import LayerCost, Plan
from tatami.views.fold import Segment, fold
from tatami.views.numbers import bytes_text, percent, short
from tatami.views.plan_rows import HEADINGS, WIDE_HEADINGS, field_text, layer_row, wide_row


def plan_table(plan: Plan, width: int = 80, wide: bool = False) -> RenderableType:
    """The layers, one a row, then totals, memory, and notes.

    Where ``width`` characters are too few, whole columns are left out, so that no figure is cut. ``wide`` adds columns
    and leaves none out.
    """
    headings = (*HEADINGS, *(WIDE_HEADINGS if wide else ()))
    rows = [(*layer_row(cost), *(wide_row(cost) if wide else ())) for cost in plan.layers]
    widths = {
        heading: max(len(text) for text in [heading, *(row[i] for row in rows)]) for i, heading in enumerate(headings)
    }
    dropped = set() if wide else _too_many(widths, width)
    shown = [heading for heading in headings if heading not in dropped]
    columns = [(headings.index(heading), widths[heading]) for heading in shown]

    def line(cells: Sequence[str], brace: str = "") -> str:
        (name, first), *others = columns
        texts = [f" {cells[name]:<{first}}", *(f"{cells[i]:>{size}}" for i, size in others), brace]
        return f"{(' ' * _GAP).join(texts).rstrip()}\n"

    # A line of text each: a rich.table.Table would take ten times as long as the plan itself.
    head = Text(f"\n{line(headings)}", style="bold", no_wrap=True, overflow="crop", end="")
    rule = _Rule(sum(size + _GAP for _, size in columns) + _BRACE)
    table = Text(no_wrap=True, overflow="crop")
    for segment in fold([_signature(cost) for cost in plan.layers]):
        for i in range(segment.start, segment.start + segment.length):
            free = not plan.layers[i].params and not plan.layers[i].activation_values
            table.append(line(rows[i], _brace(i - segment.start, segment)), style="dim" if free else None)
    return Group(head, rule, table, _summary(plan), *_notes(plan))


class _Rule:
    """The line under the headings; of hyphens where the terminal knows no other."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(f" {('-' if options.ascii_only else '─') * self.length}", no_wrap=True, overflow="crop")


_BRACE = 4  # room for the mark of a repeat
_GAP = 3  # between two columns
_LEAST_NEEDED = ("jump", "field", "values", "MACs")


def _too_many(widths: dict[str, int], width: int) -> set[str]:
    """The columns to leave out, the least needed first."""
    dropped: set[str] = set()
    for heading in _LEAST_NEEDED:
        if sum(w + _GAP for h, w in widths.items() if h not in dropped) + _BRACE + 2 <= width:
            break
        dropped.add(heading)
    return dropped


def _signature(cost: LayerCost) -> tuple[object, ...]:
    """What makes two rows the same; name and receptive field differ from turn to turn of a repeat."""
    return (cost.type, cost.output, cost.params, cost.macs, cost.activation_values, cost.notes)


def _brace(row: int, segment: Segment) -> str:
    """The mark at the right of a repeat: ``x23`` on its first row, a line beside the others."""
    if segment.count == 1:
        return ""
    return f"x{segment.count}" if row == 0 else "│"


def _summary(plan: Plan) -> Text:
    totals, memory, seen = plan.totals, plan.memory, percent(plan.seen_fraction)
    lines = [
        f"parameters       {totals.params:,}"
        + (f" (and {totals.buffers:,} running statistics)" * bool(totals.buffers)),
        f"MACs             {totals.macs:,} = {short(totals.macs)}; FLOPs = 2 x MACs = {short(totals.flops)}",
        f"activations      {totals.activation_values:,} values a sample",
        f"receptive field  {field_text(totals.field)} (last map), which sees {seen} of the input",
        f"memory of {'a training step' if memory.training else 'inference'}, batch {memory.batch}, {memory.dtype}, "
        f"engine {memory.engine}:",
        f"  maps           {bytes_text(memory.textbook_forward_bytes)} forward, "
        f"{bytes_text(memory.textbook_training_bytes)} with backward (4 bytes a value)",
        f"  by kind        weights {bytes_text(memory.weights)}, gradients {bytes_text(memory.gradients)}, "
        f"optimizer {bytes_text(memory.optimizer)},",
        f"                 input {bytes_text(memory.input)}, activations {bytes_text(memory.activations)}, "
        f"workspace {bytes_text(memory.workspace)}",
        f"  peak           {bytes_text(memory.peak_bytes)}, {memory.peak_at.phase} of {memory.peak_at.node}",
    ]
    return Text("\n".join(lines))


def _notes(plan: Plan) -> list[Text]:
    return [Text(f"note: {cost.name}: {note}", style="yellow") for cost in plan.layers for note in cost.notes]
