"""The foretold time of a training step, as a table for the terminal and as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tatami.plan.time import LayerTime, StepTime
from tatami.views.fold import fold

HEADINGS = ("layer", "forward ms", "backward ms", "share", "bound by")


def time_table(time: StepTime) -> RenderableType:
    """The layers that take time, one a row, then the sums and what is assumed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if "ms" in heading or heading == "share" else "left", no_wrap=True)
    table.add_column("", no_wrap=True)
    layers = [layer for layer in time.layers if layer.seconds]
    for segment in fold([(layer.type, layer.forward, layer.backward) for layer in layers]):
        for i in range(segment.start, segment.start + segment.length):
            mark = "" if segment.count == 1 else f"x{segment.count}" if i == segment.start else "│"
            table.add_row(*_row(layers[i], time), mark)
    if time.update.seconds:
        table.add_row("update", "", _ms(time.update.seconds), _share(time.update.seconds, time), time.update.binds)
    return Group(table, Text("\n".join(time_lines(time))))


def time_lines(time: StepTime) -> list[str]:
    """The sums, and what is assumed, as lines of text."""
    if not time.seconds:
        return ["time, foretold: nothing to compute"]
    lines = [
        f"time with good kernels, foretold: {time.device.name}, {time.dtype}, batch {time.batch}",
        f"  step           {_ms(time.seconds)} ms: forward {_ms(time.forward)}, backward {_ms(time.backward)}, "
        f"update {_ms(time.update.seconds)}",
        f"  training       {_rate(time.training_rate)} samples a second",
        f"  inference      {_rate(time.inference_rate)} samples a second",
    ]
    if time.kernels:
        lines.append(f"  kernels        {time.kernels:,}, which the host starts in {_ms(time.host)} ms")
    lines.append(f"  {time.efficiency}")
    if time.device.source:
        lines.append(f"  figures: {time.device.source}")
    return lines


def time_json(time: StepTime) -> dict[str, Any]:
    """Plain JSON types; all times in seconds."""
    return {
        "device": time.device.name,
        "device_source": time.device.source,
        "dtype": time.dtype,
        "batch": time.batch,
        "layers": [
            {
                "name": layer.name,
                "type": layer.type,
                "forward": asdict(layer.forward),
                "backward": asdict(layer.backward),
                "share": layer.seconds / time.seconds if time.seconds else 0.0,
                "binds": layer.binds,
            }
            for layer in time.layers
        ],
        "update": asdict(time.update),
        "forward_seconds": time.forward,
        "backward_seconds": time.backward,
        "step_seconds": time.seconds,
        "kernels": time.kernels,
        "host_seconds": time.host,
        "training_samples_per_second": time.training_rate,
        "inference_samples_per_second": time.inference_rate,
        "assumption": {**asdict(time.efficiency), "text": str(time.efficiency)},
    }


def _row(layer: LayerTime, time: StepTime) -> tuple[str, ...]:
    forward, backward = layer.forward.seconds, layer.backward.seconds
    binds = (layer.forward.binds, layer.backward.binds)
    bound = binds[0] if binds[0] == binds[1] or not binds[1] else " / ".join(part or "-" for part in binds)
    return layer.name, _ms(forward), _ms(backward), _share(layer.seconds, time), bound


def _ms(seconds: float) -> str:
    """Milliseconds, with about three significant digits and never in powers of ten."""
    value = 1e3 * seconds
    if value >= 100:
        return f"{value:,.0f}"
    digits = next((digits for limit, digits in ((0.01, 5), (0.1, 4), (1, 3), (10, 2)) if value < limit), 1)
    return f"{value:.{digits}f}" if value else "0"


def _share(seconds: float, time: StepTime) -> str:
    return f"{seconds / time.seconds:.1%}"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
