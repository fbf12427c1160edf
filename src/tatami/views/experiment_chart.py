"""The charts of an experiment: curves with bands of confidence, as SVG in the page's own colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from tatami.views.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, svg_file, ticks
from tatami.views.experiment import Chart, Interval

DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class _Axis:
    """Marks along one axis, evenly or by powers of ten."""

    marks: tuple[float, ...]
    is_log: bool

    @classmethod
    def over(cls, values: list[float], is_log: bool) -> _Axis:
        if not is_log:
            return cls(tuple(ticks(min(values), max(values))), False)
        first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
        last = max(last, first + 1)
        step = -(-(last - first) // 8)
        return cls(tuple(10.0**e for e in range(first, last + step, step)), True)

    def share(self, value: float) -> float:
        """How far along the axis a value lies, from 0 to 1."""
        scale = math.log10 if self.is_log else float
        first, last = scale(self.marks[0]), scale(self.marks[-1])
        return (scale(value) - first) / (last - first)


def experiment_svg(chart: Chart) -> str:
    """An SVG element; the empty text when there is no point to draw."""
    lines = []
    for line in chart.lines:
        points = [(x, y) for x, y in line.points if _drawn(x, chart.log_x) and _drawn(y.mean, chart.log_y)]
        if points:
            lines.append((line.name, points))
    if not lines:
        return ""
    across = _Axis.over([x for _, points in lines for x, _ in points], chart.log_x)
    up = _Axis.over([v for _, points in lines for _, y in points for v in _ends(y, chart.log_y)], chart.log_y)

    def at(x: float, y: float) -> str:
        left = LEFT + across.share(x) * (WIDTH - LEFT - RIGHT)
        return f"{left:.1f},{HEIGHT - BOTTOM - up.share(y) * (HEIGHT - TOP - BOTTOM):.1f}"

    label = escape(f"{chart.title}: {chart.y_name} by {chart.x_name}", quote=True)
    parts = [f"<svg viewBox='0 0 {WIDTH} {HEIGHT + 18 * len(lines)}' role='img' aria-label='{label}'>"]
    small = "font-size='11' fill='var(--faint)'"
    for mark in up.marks:
        y = HEIGHT - BOTTOM - up.share(mark) * (HEIGHT - TOP - BOTTOM)
        parts.append(f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y:.1f}' y2='{y:.1f}' stroke='var(--line)'/>")
        parts.append(f"<text x='{LEFT - 6}' y='{y + 4:.1f}' text-anchor='end' {small}>{mark:g}</text>")
    for mark in across.marks:
        x = LEFT + across.share(mark) * (WIDTH - LEFT - RIGHT)
        parts.append(f"<text x='{x:.1f}' y='{HEIGHT - BOTTOM + 16}' text-anchor='middle' {small}>{mark:g}</text>")
    parts.append(f"<text x='{WIDTH - RIGHT}' y='{HEIGHT - 6}' text-anchor='end' {small}>{escape(chart.x_name)}</text>")
    for i, (name, points) in enumerate(lines):
        pen = f"stroke='var(--c{i % 2})' stroke-dasharray='{DASHES[i // 2 % len(DASHES)]}'"
        ends = [(x, *_ends(y, chart.log_y)) for x, y in points]
        band = [at(x, high) for x, _, high in ends] + [at(x, low) for x, low, _ in reversed(ends)]
        parts.append(f"<polygon points='{' '.join(band)}' fill='var(--c{i % 2})' fill-opacity='.12'/>")
        middle = " ".join(at(x, y.mean) for x, y in points)
        parts.append(f"<polyline points='{middle}' fill='none' stroke-width='1.75' {pen}/>")
        for place, value in points:
            left, top = at(place, value.mean).split(",")
            title = f"<title>{escape(f'{name}: {place:g}, {value}')}</title>"
            parts.append(f"<circle cx='{left}' cy='{top}' r='2.5' fill='var(--c{i % 2})'>{title}</circle>")
        level = HEIGHT + 18 * i + 8
        parts.append(
            f"<line x1='{LEFT}' x2='{LEFT + 28}' y1='{level - 4}' y2='{level - 4}' stroke-width='1.75' {pen}/>"
        )
        parts.append(f"<text x='{LEFT + 34}' y='{level}' font-size='12' fill='var(--ink)'>{escape(name)}</text>")
    return "".join([*parts, "</svg>"])


def _drawn(value: float, is_log: bool) -> bool:
    return math.isfinite(value) and (value > 0 or not is_log)


def _ends(y: Interval, is_log: bool) -> tuple[float, float]:
    """The bounds that can be drawn; the mean in place of one that cannot."""
    return tuple(end if _drawn(end, is_log) else y.mean for end in (y.low, y.high))  # type: ignore[return-value]


def experiment_svg_file(chart: Chart) -> str:
    """The chart as a file of its own, with its colours; the empty text when there is no point to draw."""
    return svg_file(experiment_svg(chart))
