"""A signal as a small SVG: one curve a channel, all on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 160, 64


def waveform_svg(curves: Sequence[Sequence[float]], name: str) -> str:
    """The curves over the steps; the empty text where there is no value."""
    values = [value for curve in curves for value in curve]
    if not values:
        return ""
    low, high = min(values), max(values)

    def level(value: float) -> float:
        share = (value - low) / (high - low) if high > low else 0.5
        return 2 + (HEIGHT - 4) * (1 - share)

    lines = []
    for i, curve in enumerate(curves):
        points = " ".join(
            f"{WIDTH * step / max(len(curve) - 1, 1):.1f},{level(value):.1f}" for step, value in enumerate(curve)
        )
        lines.append(f"<polyline points='{points}' fill='none' stroke='var(--c{i % 2})' stroke-width='1.2'/>")
    label = escape(name, quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(lines)}</svg>'
