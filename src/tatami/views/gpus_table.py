"""The catalogue of graphics cards as a table for the terminal, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.plan.devices import Device

SCHEMA = "tatami.gpus/1"


def gpus_table(devices: Sequence[Device]) -> RenderableType:
    """One card a row; the sources too, where there are few."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("card", "year", "GiB", "usable", "GB/s", "fp32", "tf32", "bf16"):
        table.add_column(heading, justify="left" if heading == "card" else "right", no_wrap=True)
    for device in devices:
        table.add_row(
            device.name,
            _text(device.year),
            _text(device.nominal_gib),
            "-" if device.usable_mib is None else f"{device.usable_mib / 1024:.2f}",
            _text(device.bandwidth_gbs),
            _text(device.fp32_tflops),
            _text(device.tf32_tflops),
            _text(device.bf16_tflops),
        )
    legend = (
        "GiB as sold; usable: what a program is told of. Peaks in TFLOP/s, dense; - where there is none or unknown."
    )
    sources = [Text(f"{device.name}: {device.source}") for device in devices if device.source and len(devices) <= 5]
    return Group(table, Text(legend, style="dim"), *sources)


def gpus_json(devices: Sequence[Device]) -> dict[str, Any]:
    """Plain JSON types, under the names of the catalogue; null where a figure is not known."""
    rows = [asdict(device) for device in devices]
    for row in rows:
        del row["measured"]
    return {"schema": SCHEMA, "gpus": rows}


def _text(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:g}"
