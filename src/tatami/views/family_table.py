"""A family's members as a table for the terminal, as rows for CSV and Markdown, and as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.network.layers import size_text
from tatami.plan.family import FamilyPlan, Member
from tatami.plan.figures import FIGURES
from tatami.views.numbers import bytes_text, short
from tatami.views.plan_rows import field_text

SCHEMA = "tatami.family/1"
MAX_ROWS = 100  # in the terminal; the other formats hold all members
COLUMNS = ("params", "macs", "activation_values", "receptive_field", "depth", "textbook_memory", "memory")
_HEADINGS = ("params", "MACs", "values", "field", "depth", "textbook", "memory")


def family_table(family: FamilyPlan) -> RenderableType:
    """One member a row: its bindings, its figures; then what was left out, and why."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    shown = [_row(member) for member in family.members[:MAX_ROWS]]
    headings = (*family.names, *(_HEADINGS if _has_peak(family) else _HEADINGS[:-1]))
    for i, heading in enumerate(headings):
        width = max(len(text) for text in [heading, *(row[i] for row in shown)])
        table.add_column(Text(heading), justify="right", no_wrap=True, width=width)
    for row in shown:
        table.add_row(*map(Text, row[: len(headings)]))
    return Group(table, Text("\n".join(_summary(family))))


def _has_peak(family: FamilyPlan) -> bool:
    """Whether the peak of memory was worked out, for all members or for none."""
    return any(member.figures.peak_bytes is not None for member in family.members[:1])


def _row(member: Member) -> tuple[str, ...]:
    figures = member.figures
    return (
        *member.bindings,
        short(figures.params),
        short(figures.macs),
        short(figures.activation_values),
        field_text(figures.field),
        f"{figures.depth}",
        bytes_text(2 * figures.textbook_forward_bytes),
        "" if figures.peak_bytes is None else bytes_text(figures.peak_bytes),
    )


def _summary(family: FamilyPlan) -> Iterator[str]:
    yield f"{len(family.members):,} of {family.total:,} members"
    if family.fixed:
        yield f"  with {', '.join(f'{name}={value}' for name, value in family.fixed)}"
    if family.members:
        figures = family.members[0].figures
        yield f"  textbook: memory of all maps with backward, batch {figures.batch}, float32"
        if _has_peak(family):
            yield "  memory: the peak of a training step"
    if len(family.members) > MAX_ROWS:
        yield f"  the first {MAX_ROWS} are shown; --format csv and json have all"
    if family.dropped:
        yield f"{family.dropped:,} dropped: over budget"
    if family.impossible:
        yield f"{family.impossible:,} cannot be built; the first: {family.reason}"


def family_rows(family: FamilyPlan) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings and rows of plain numbers, all members."""
    headings = (*family.names, *COLUMNS)
    rows = [(*m.bindings, *(_text(_plain(m, name)) for name in COLUMNS)) for m in family.members]
    return headings, rows


def family_json(family: FamilyPlan) -> dict[str, Any]:
    """Plain JSON types; bindings are notation. ``activations`` and ``memory`` are bytes of a step of ``batch``."""
    return {
        "schema": SCHEMA,
        "names": list(family.names),
        "fixed": dict(family.fixed),
        "batch": family.members[0].figures.batch if family.members else None,
        "members": [
            {
                "bindings": dict(zip(family.names, member.bindings, strict=True)),
                "output": list(member.figures.output),
                **{name: _plain(member, name) for name in FIGURES},
            }
            for member in family.members
        ],
        "dropped": family.dropped,
        "impossible": family.impossible,
        "reason": family.reason or None,
    }


def _plain(member: Member, name: str) -> Any:
    value = FIGURES[name].value(member.figures)
    return list(value) if isinstance(value, tuple) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return size_text(tuple(value)) if isinstance(value, list) else str(value)
