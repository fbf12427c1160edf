"""The memory of a step over its time, as SVG: the bytes alive, the phases, the peak."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import groupby

from tatami.plan.memory import Memory
from tatami.views.chart import ticks
from tatami.views.numbers import bytes_text

WIDTH, HEIGHT = 960, 280
LEFT, RIGHT, TOP, BOTTOM = 60, 12, 34, 26
MAX_COLUMNS = 600
_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10), ("bytes", 1))
_SHADES = {"forward": "var(--c0)", "backward": "var(--c1)", "recompute": "var(--good)"}
_LEAST_NAMED = 60  # pixels: a narrower phase has no room for its name


def timeline_svg(memory: Memory) -> str:
    """An area over the steps of one training step, or of one inference; dark below what is always there."""
    steps, alive = [step for step, _ in memory.timeline], [count for _, count in memory.timeline]
    unit, size = next(((name, size) for name, size in _UNITS if memory.peak_bytes >= size), _UNITS[-1])
    levels = ticks(0, max(1.0, memory.peak_bytes / size))
    across, high = (WIDTH - LEFT - RIGHT) / len(steps), HEIGHT - TOP - BOTTOM

    def x(step: float) -> float:
        return LEFT + across * step

    def y(count: float) -> float:
        return HEIGHT - BOTTOM - high * count / size / levels[-1]

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="bytes alive over the steps" '
        'style="min-width:560px">'
    ]
    begin = 0
    text = 'font-size="11" fill="var(--faint)"'
    for phase, group in groupby(steps, lambda step: step.phase):
        end = begin + len(list(group))
        shade = _SHADES.get(phase)
        place = f'x="{x(begin):.1f}" width="{x(end) - x(begin):.1f}"'
        if shade:
            parts.append(f'<rect {place} y="{TOP}" height="{high}" fill="{shade}" fill-opacity=".09"/>')
        if x(end) - x(begin) >= _LEAST_NAMED:
            middle = (x(begin) + x(end)) / 2
            parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle" {text}>{phase}</text>')
        elif phase in ("loss", "update"):
            # The one step between the passes, and the last one: a line and a name of its own above the picture.
            parts.append(f'<path d="M{x(begin + 0.5):.1f} {TOP}v{high}" stroke="var(--faint)" stroke-dasharray="2 3"/>')
            anchor = "end" if end == len(steps) else "middle"
            parts.append(f'<text x="{x(end):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}" {text}>{phase}</text>')
        begin = end
    for level in levels:
        height = y(level * size)
        parts.append(f'<path d="M{LEFT} {height:.1f}H{WIDTH - RIGHT}" stroke="var(--line)"/>')
        label = f"{level:g} {unit}" if level == levels[-1] else f"{level:g}"
        parts.append(f'<text x="{LEFT - 6}" y="{height + 4:.1f}" text-anchor="end" {text}>{label}</text>')
    parts.append(f'<path d="{_area(alive, x, y)}" fill="var(--c0)" fill-opacity=".45" stroke="var(--c0)"/>')
    always = memory.weights + memory.optimizer
    if y(0) - y(always) >= 1:
        parts.append(
            f'<rect x="{LEFT}" width="{WIDTH - LEFT - RIGHT}" y="{y(always):.1f}" height="{y(0) - y(always):.1f}" '
            'fill="var(--c0)" fill-opacity=".55"><title>weights and optimizer, always there: '
            f"{bytes_text(always)}</title></rect>"
        )
    at = x(alive.index(max(alive)) + 0.5)
    top = y(max(alive))
    anchor = "end" if at > 0.75 * WIDTH else "start" if at < 0.25 * WIDTH else "middle"
    words = escape(f"peak: {bytes_text(memory.peak_bytes)}, {memory.peak_at.phase} of {memory.peak_at.node}")
    parts.append(
        f'<path d="M{at:.1f} {TOP - 8}V{top:.1f}" stroke="var(--c1)"/>'
        f'<circle cx="{at:.1f}" cy="{top:.1f}" r="4" fill="var(--c1)"/>'
        f'<text x="{at:.1f}" y="{TOP - 14}" text-anchor="{anchor}" font-size="12" font-weight="600" '
        f'fill="var(--c1)">{words}</text>'
    )
    return "".join([*parts, "</svg>"])


def _area(alive: list[int], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """A step-shaped outline; of many steps that share a column, the most."""
    share = -(-len(alive) // MAX_COLUMNS)
    path = f"M{x(0):.1f} {y(0):.1f}"
    for start in range(0, len(alive), share):
        path += f"V{y(max(alive[start : start + share])):.1f}H{x(min(start + share, len(alive))):.1f}"
    return f"{path}V{y(0):.1f}z"
