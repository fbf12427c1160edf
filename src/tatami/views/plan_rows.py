"""A plan's layers as rows of text, the same for the terminal and for HTML."""

from __future__ import annotations

from tatami.network.layers import size_text
from tatami.plan import Field, LayerCost
from tatami.views.numbers import bytes_text, short

HEADINGS = ("layer", "output", "params", "MACs", "values", "field", "jump")
WIDE_HEADINGS = ("back MACs", "weights", "maps", "FLOPs/B")


def layer_row(cost: LayerCost) -> tuple[str, ...]:
    """One layer under :data:`HEADINGS`."""
    return (
        cost.name,
        size_text(cost.output),
        f"{cost.params:,}" if cost.params else "",
        short(cost.macs) if cost.macs else "",
        f"{cost.activation_values:,}" if cost.activation_values else "in place",
        field_text(cost.field),
        axes_text(cost.field, "jump"),
    )


def wide_row(cost: LayerCost) -> tuple[str, ...]:
    """What the layer adds under :data:`WIDE_HEADINGS`."""
    return (
        short(cost.backward_macs) if cost.backward_macs else "",
        bytes_text(cost.weight_bytes) if cost.weight_bytes else "",
        bytes_text(cost.activation_bytes) if cost.activation_bytes else "",
        f"{cost.intensity:.3g}" if cost.macs else "",
    )


def field_text(field: Field) -> str:
    """``212``, ``5x1`` where the axes differ, ``all`` for a vector, ``-`` where branches are misaligned."""
    if field.axes is None:
        return "all" if field.why == "whole" else "-"
    return axes_text(field, "size")


def axes_text(field: Field, attribute: str) -> str:
    """``size`` or ``jump``: one number, or ``5x1`` where the axes differ; empty where there is no single one."""
    if field.axes is None:
        return ""
    values = [getattr(axis, attribute) for axis in field.axes]
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))
