"""Curves, points and bars as SVG, drawn with the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True)
class Frame:
    """The axes of a chart: their names, where their marks are, and what is written at those of x."""

    x_name: str
    y_name: str
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]
    x_end: float
    x_text: Callable[[float], str] = "{:g}".format

    @classmethod
    def around(cls, xs: Sequence[float], ys: Sequence[float], x_name: str, y_name: str) -> Frame:
        """Axes that hold these values."""
        x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
        return cls(x_name, y_name, x_ticks, y_ticks, x_ticks[-1])

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the picture."""
        across = (x - self.x_ticks[0]) / (self.x_end - self.x_ticks[0])
        up = (y - self.y_ticks[0]) / (self.y_ticks[-1] - self.y_ticks[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def svg(self, parts: Sequence[str]) -> str:
        """The whole chart: the axes, and what lies in them."""
        label = escape(f"{self.y_name} by {self.x_name}", quote=True)
        axes = [f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{label}'>"]
        text = "font-size='11' fill='var(--faint)'"
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        for y in self.y_ticks:
            _, level = self.at(self.x_end, y)
            axes.append(f"<line x1='{LEFT}' x2='{right}' y1='{level:.1f}' y2='{level:.1f}' stroke='var(--line)'/>")
            axes.append(f"<text x='{LEFT - 6}' y='{level + 4:.1f}' text-anchor='end' {text}>{y:g}</text>")
        for x in self.x_ticks:
            across, _ = self.at(x, self.y_ticks[0])
            axes.append(f"<text x='{across:.1f}' y='{bottom + 16}' text-anchor='middle' {text}>{self.x_text(x)}</text>")
        axes.append(f"<text x='{right}' y='{HEIGHT - 6}' text-anchor='end' {text}>{escape(self.x_name)}</text>")
        return "".join([*axes, *parts, "</svg>"])


def line_chart(curves: list[Curve], x_name: str, y_name: str) -> str:
    """An SVG element; the empty text when no curve has a point."""
    drawn = [Curve(c.name, [p for p in c.points if all(map(math.isfinite, p))]) for c in curves]
    drawn = [Curve(c.name, c.points[:: -(-len(c.points) // MAX_POINTS)]) for c in drawn if c.points]
    if not drawn:
        return ""
    xs = [x for curve in drawn for x, _ in curve.points]
    ys = [y for curve in drawn for _, y in curve.points]
    x_ticks = ticks(min(0, *xs), max(xs))
    frame = Frame(x_name, y_name, x_ticks, ticks(min(ys), max(ys)), max(x_ticks[-1], *xs))
    parts = []
    for i, curve in enumerate(drawn):
        colour = f"var(--c{i % 2})"
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in (frame.at(*p) for p in curve.points))
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.75'/>")
        x, y = frame.at(*curve.points[-1])
        parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{colour}'/>")
        legend = f"x='{LEFT + 150 * i}' y='{HEIGHT - 6}' font-size='12' fill='{colour}'"
        parts.append(f"<text {legend}>{escape(curve.name)}</text>")
    return frame.svg(parts)


def scatter_chart(points: Sequence[tuple[float, float]], x_name: str, y_name: str) -> str:
    """Points, and the line on which y is x. The empty text when there is none."""
    if not points:
        return ""
    both = [value for point in points for value in point]
    frame = Frame.around(both, both, x_name, y_name)
    low, high = frame.x_ticks[0], frame.x_ticks[-1]
    marks = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in (frame.at(*point) for point in points))
    dots = "fill='none' stroke='var(--c0)' stroke-width='4' stroke-linecap='round' stroke-opacity='.45'"
    return frame.svg([diagonal(frame, low, high), f"<path d='{marks}' {dots}/>"])


def histogram_chart(edges: Sequence[float], counts: Sequence[int], x_name: str) -> str:
    """Bars from edge to edge. The empty text when there are none."""
    if not counts:
        return ""
    frame = Frame.around(edges, [0.0, float(max(counts))], x_name, "samples")
    bars = [
        bar(frame, low, high, count, f"{low:.4g} to {high:.4g}: {count}")
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]
    return frame.svg(bars)


def bar(frame: Frame, low: float, high: float, value: float, title: str, opacity: float = 0.7) -> str:
    """A bar from the lowest mark up to ``value``, between two values of x."""
    left, top = frame.at(low, value)
    right, bottom = frame.at(high, frame.y_ticks[0])
    return (
        f"<rect x='{left:.1f}' y='{top:.1f}' width='{max(right - left - 1, 0.5):.1f}' height='{bottom - top:.1f}' "
        f"fill='var(--c0)' fill-opacity='{opacity:.2f}'><title>{escape(title)}</title></rect>"
    )


def diagonal(frame: Frame, low: float, high: float) -> str:
    """The line on which y is x."""
    (x1, y1), (x2, y2) = frame.at(low, low), frame.at(high, high)
    place = f"x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'"
    return f"<line {place} stroke='var(--faint)' stroke-dasharray='4 4'/>"


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values, 1, 2 or 5 times a power of ten apart, that span from ``low`` or less to ``high`` or more."""
    most = max(abs(low), abs(high))
    if high - low < max(1e-6 * most, 1e-30):
        around = max(0.5, 1e-3 * most)
        low, high = low - around, high + around
    raw = (high - low) / wanted
    magnitude = math.floor(math.log10(raw))
    step = next(factor * 10.0**magnitude for factor in (1, 2, 5, 10) if factor * 10.0**magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 9 - magnitude) for i in range(first, last + 1)]


_COLOURS = (
    "<style>svg { color-scheme: light dark; background: #fbfaf6; --ink: #1c1b19; --faint: #77736b; --line: #d9d5ca; "
    "--c0: #35618f; --c1: #c0563b; font-family: system-ui, sans-serif; }</style>"
)


def svg_file(drawn: str) -> str:
    """A chart as a file of its own, with its colours; the empty text for the empty text."""
    head, bracket, rest = drawn.partition(">")
    return f"{head} xmlns='http://www.w3.org/2000/svg'{bracket}{_COLOURS}{rest}\n" if drawn else ""
