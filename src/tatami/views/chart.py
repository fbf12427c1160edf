"""Curves as SVG, drawn with the page's own colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 40
MAX_POINTS = 600


@dataclass(frozen=True)
class Curve:
    """A name and its points (x, y). Points that are not finite are left out."""

    name: str
    points: list[tuple[float, float]]


def line_chart(curves: list[Curve], x_name: str, y_name: str) -> str:
    """An SVG element; the empty text when no curve has a point."""
    drawn = [Curve(c.name, [p for p in c.points if all(map(math.isfinite, p))]) for c in curves]
    drawn = [Curve(c.name, c.points[:: -(-len(c.points) // MAX_POINTS)]) for c in drawn if c.points]
    if not drawn:
        return ""
    xs = [x for curve in drawn for x, _ in curve.points]
    ys = [y for curve in drawn for _, y in curve.points]
    x_ticks, y_ticks = ticks(min(0, *xs), max(xs)), ticks(min(ys), max(ys))
    x_range, y_range = (x_ticks[0], max(x_ticks[-1], max(xs))), (y_ticks[0], y_ticks[-1])

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_range[0]) / (x_range[1] - x_range[0])
        up = (y - y_range[0]) / (y_range[1] - y_range[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    parts = [f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{escape(y_name)} by {escape(x_name)}'>"]
    text = "font-size='11' fill='var(--faint)'"
    for y in y_ticks:
        _, level = at(x_range[0], y)
        parts.append(f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{level:.1f}' y2='{level:.1f}' stroke='var(--line)'/>")
        parts.append(f"<text x='{LEFT - 6}' y='{level + 4:.1f}' text-anchor='end' {text}>{y:g}</text>")
    for x in x_ticks:
        across, _ = at(x, y_range[0])
        parts.append(f"<text x='{across:.1f}' y='{HEIGHT - BOTTOM + 16}' text-anchor='middle' {text}>{x:g}</text>")
    parts.append(f"<text x='{WIDTH - RIGHT}' y='{HEIGHT - 6}' text-anchor='end' {text}>{escape(x_name)}</text>")
    for i, curve in enumerate(drawn):
        colour = f"var(--c{i % 2})"
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in (at(*p) for p in curve.points))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.75'/>")
        x, y = at(*curve.points[-1])
        parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>")
        legend = f"x='{LEFT + 150 * i}' y='{HEIGHT - 6}' font-size='12' fill='{colour}'"
        parts.append(f"<text {legend}>{escape(curve.name)}</text>")
    return "".join([*parts, "</svg>"])


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values, 1, 2 or 5 times a power of ten apart, that span from ``low`` or less to ``high`` or more."""
    if high - low < 1e-6 * max(1.0, abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    raw = (high - low) / wanted
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]
