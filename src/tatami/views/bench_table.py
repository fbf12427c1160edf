"""Measured times of a training step, as a table for the terminal and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

HEADINGS = ("layer", "what", "method", "ms", "share")


class Measured(Protocol):
    """The time of one op: see :class:`tatami.engines.cpu.profiling.OpTime`."""

    @property
    def op(self) -> Any:
        """Which; ``node`` names it."""

    @property
    def what(self) -> str:
        """Which pass."""

    @property
    def method(self) -> str:
        """How a convolution was computed."""

    @property
    def seconds(self) -> float:
        """How long it took."""


def bench_table(times: Sequence[Measured], batch: int) -> RenderableType:
    """A row for each pass of each layer, in the order in which they ran, and the sum."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("ms", "share") else "left", no_wrap=True)
    total = sum(time.seconds for time in times)
    for time in times:
        name = "weights" if time.what == "update" else time.op.node
        what = time.what.replace("backward_", "d ").replace("d data", "d input")
        table.add_row(name, what, time.method, f"{1e3 * time.seconds:.2f}", f"{time.seconds / total:.1%}")
    rate = batch / total if total else 0.0
    return Group(table, Text(f"step of {batch} samples: {1e3 * total:.1f} ms, {rate:,.0f} samples a second"))


def bench_json(times: Sequence[Measured], methods: Mapping[str, Mapping[str, float]], batch: int) -> dict[str, Any]:
    """Plain JSON types; all times in seconds."""
    return {
        "batch": batch,
        "step_seconds": sum(time.seconds for time in times),
        "ops": [
            {
                "layer": "weights" if time.what == "update" else time.op.node,
                "what": time.what,
                "method": time.method,
                "seconds": time.seconds,
            }
            for time in times
        ],
        "methods": {key: dict(by_method) for key, by_method in methods.items()},
    }
