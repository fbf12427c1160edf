"""The kernels of the CPU engine, as a table for the terminal and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table

from tatami.plan.kernel_choice import KernelRow
from tatami.views.numbers import bytes_text

HEADINGS = ("layers that run as one", "forward", "d weights", "d input", "scratch")


def kernels_table(rows: Sequence[KernelRow]) -> Table:
    """A row for each group of layers; of a convolution, the method of each pass."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading == "scratch" else "left", no_wrap=True)
    for row in rows:
        passes = (row.methods.get(each, "") for each in ("forward", "backward_weights", "backward_data"))
        table.add_row(row.name, *passes, bytes_text(row.scratch) if row.scratch else "")
    return table


def kernels_json(rows: Sequence[KernelRow]) -> list[dict[str, Any]]:
    """Plain JSON types; ``others`` are costs by the model as multiples of the chosen method's."""
    return [
        {
            "layers": row.name.split("+"),
            "type": row.type,
            "methods": dict(row.methods),
            "others": {each: dict(costs) for each, costs in row.others.items()},
            "scratch_bytes": row.scratch,
        }
        for row in rows
    ]
