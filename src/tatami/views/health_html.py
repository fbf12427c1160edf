"""The health of a data set as one HTML page, with samples of each class to look at."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tatami.views.health_rows import class_rows, split_rows, target_rows, title
from tatami.views.health_values import FindingValues, GalleryValues, HealthValues, ShownValues
from tatami.views.page import facts_html, page
from tatami.views.plan_html import html_table

WIDTH, HEIGHT = 160, 64  # of a signal's curves

_STYLE = """<style>
.finding { border-left: 3px solid var(--line); padding: 0 0 0 .75rem; margin: .75rem 0; }
.error { border-color: var(--bad); } .finding b { font-weight: 600; } .error b { color: var(--bad); }
.finding ul { margin: 0; padding: 0; list-style: none; color: var(--faint); font-size: .85rem; }
.samples { display: flex; flex-wrap: wrap; gap: .5rem; margin: 0 0 1rem; }
.samples img { width: 64px; height: 64px; object-fit: contain; image-rendering: pixelated; }
.samples svg { width: 10rem; height: 4rem; border: 1px solid var(--line); }
h3 { font-size: .95rem; font-weight: 500; color: var(--faint); margin: .75rem 0 .25rem; }
</style>"""


def health_page(health: HealthValues, galleries: Sequence[GalleryValues]) -> str:
    """The whole page.

    Args:
        health: figures and findings.
        galleries: samples, their pictures as addresses that hold them.
    """
    rows = target_rows(health) if health.targets else class_rows(health)
    left = len(health.classes) - len(galleries)
    more = f"<p class=small>The first {len(galleries)} classes; {left:,} more are not shown.</p>" if left > 0 else ""
    return page(
        title(health),
        [
            _STYLE,
            facts_html(_facts(health)),
            "<h2>Findings</h2>",
            "".join(map(_finding, health.findings)) or "<p>Nothing to complain of.</p>",
            "<h2>Splits</h2>",
            html_table(*split_rows(health)),
            f"<h2>{'Targets' if health.targets else 'Classes'}</h2>",
            html_table(*rows),
            "<h2>Samples of train</h2>",
            *map(_gallery, galleries),
            *([more] if galleries else []),
        ],
    )


def _facts(health: HealthValues) -> list[tuple[str, str]]:
    facts = [("source", health.source), ("summary", health.summary)]
    if health.imbalance is not None:
        facts.append(("largest class / smallest", f"{health.imbalance:.2f}"))
    return facts


def _finding(found: FindingValues) -> str:
    names = "".join(f"<li>{escape(name)}</li>" for name in found.names)
    listed = f"<ul>{names}</ul>" if names else ""
    return (
        f"<div class='finding {escape(found.level)}'><b>{escape(found.level)}</b>: {escape(found.text)}{listed}</div>"
    )


def _gallery(gallery: GalleryValues) -> str:
    samples = "".join(map(_sample, gallery.samples))
    return f"<h3>{escape(gallery.title)}</h3><div class=samples>{samples}</div>"


def _sample(shown: ShownValues) -> str:
    name = escape(shown.name, quote=True)
    if shown.picture:
        return f'<img src="{escape(shown.picture, quote=True)}" alt="{name}" title="{name}">'
    return _curves_svg(shown.curves, name)


def _curves_svg(curves: Sequence[Sequence[float]], name: str) -> str:
    """All curves of a signal on one scale."""
    values = [value for curve in curves for value in curve]
    low, high = min(values), max(values)
    lines = []
    for i, curve in enumerate(curves):
        points = " ".join(
            f"{WIDTH * step / max(len(curve) - 1, 1):.1f},{_level(value, low, high):.1f}"
            for step, value in enumerate(curve)
        )
        lines.append(f"<polyline points='{points}' fill='none' stroke='var(--c{i % 2})' stroke-width='1'/>")
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' preserveAspectRatio='none' role='img' aria-label=\"{name}\">"
        f"<title>{name}</title>{''.join(lines)}</svg>"
    )


def _level(value: float, low: float, high: float) -> float:
    """How far down a value lies: the highest near the top, the lowest near the bottom, a constant in the middle."""
    share = (value - low) / (high - low) if high > low else 0.5
    return 2 + (HEIGHT - 4) * (1 - share)
