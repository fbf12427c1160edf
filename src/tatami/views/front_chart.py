"""Pareto fronts as SVG: every trial a point, the front a line of steps; costs by powers of ten."""

from __future__ import annotations

import math
from html import escape

from tatami.views.chart import Frame, svg_file, ticks
from tatami.views.front import COSTS, Cost, Exploration, Tried, front

_ROUND = (1.0, 2.0, 5.0)


def front_svg(found: Exploration, cost: Cost) -> str:
    """The front against one cost; the empty text when there is no trial to draw."""
    scored = [tried for tried in found.trials if tried.score is not None and cost.value(tried) > 0]
    if not scored:
        return ""
    marks = _marks([cost.value(tried) for tried in scored])
    frame = Frame(
        f"{cost.heading} (log)",
        f"validation {found.metric}",
        [math.log10(mark) for mark in marks],
        ticks(min(tried.score or 0.0 for tried in scored), max(tried.score or 0.0 for tried in scored)),
        math.log10(marks[-1]),
        lambda x: cost.text(10**x),
    )

    def at(tried: Tried) -> tuple[float, float]:
        return frame.at(math.log10(cost.value(tried)), tried.score or 0.0)

    on = front(scored, cost)
    path = ""
    for tried in on:
        x, y = at(tried)
        path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {y:.1f}"
    end = frame.at(frame.x_end, 0)[0]
    parts = [f"<path d='{path}H{end:.1f}' fill='none' stroke='var(--c0)' stroke-width='1.75'/>"]
    for tried in sorted(scored, key=lambda t: t in on):
        x, y = at(tried)
        colour = "var(--c0)" if tried in on else "var(--faint)"
        radius = 2 + found.epochs.index(tried.epochs) if tried.epochs in found.epochs else 2
        title = f"{tried.line}: {tried.score:.4f} after {tried.epochs} epochs, {cost.text(cost.value(tried))}"
        filled = f"fill='{colour}' fill-opacity='{'1' if tried in on else '.5'}'"
        parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{radius}' {filled}><title>{escape(title)}</title></circle>")
    if found.tested is not None and (best := found.best) is not None and best in scored:
        x, y = at(best)
        parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='8' fill='none' stroke='var(--c1)' stroke-width='1.75'/>")
    return frame.svg(parts)


def front_svg_file(found: Exploration) -> str:
    """The front against parameters as a file of its own; the empty text when there is no trial to draw."""
    return svg_file(front_svg(found, COSTS[0]))


def _marks(values: list[float]) -> list[float]:
    """Powers of ten, and 2 and 5 times those where they are few, from the smallest value or less to the largest."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    all_marks = [factor * 10.0**power for power in range(first, last + 1) for factor in _ROUND]
    low = max((m for m in all_marks if m <= min(values)), default=10.0**first)
    high = min((m for m in all_marks if m >= max(values) and m > low), default=10.0 ** (last + 1))
    marks = [mark for mark in all_marks if low <= mark <= high]
    return marks if len(marks) <= 7 else [low, *(m for m in marks[1:-1] if math.log10(m) % 1 < 1e-9), high]
