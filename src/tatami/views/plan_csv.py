"""A plan's layers as comma-separated values: plain numbers, one layer a line, no sums."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from tatami.network.layers import size_text
from tatami.plan import LayerCost, Plan
from tatami.views.plan_rows import axes_text

HEADINGS = (
    *("name", "type", "output", "params", "buffers", "macs", "flops", "backward_macs", "weight_bytes"),
    *("activation_values", "activation_bytes", "intensity", "receptive_field", "jump", "offset", "notes"),
)


def plan_csv(plan: Plan) -> str:
    """The layers under :data:`HEADINGS`. A receptive field that is not one size is empty."""
    return csv_text(HEADINGS, map(_row, plan.layers))


def csv_text(headings: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Lines of values, quoted where they must be; each ends with a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue()


def _row(cost: LayerCost) -> tuple[object, ...]:
    return (
        cost.name,
        cost.type,
        size_text(cost.output),
        cost.params,
        cost.buffers,
        cost.macs,
        cost.flops,
        cost.backward_macs,
        cost.weight_bytes,
        cost.activation_values,
        cost.activation_bytes,
        cost.intensity,
        axes_text(cost.field, "size"),
        axes_text(cost.field, "jump"),
        axes_text(cost.field, "start"),
        "; ".join(cost.notes),
    )
