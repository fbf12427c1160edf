"""An exploration as a page: the best network and its test, the fronts, every trial with its line."""

from __future__ import annotations

from html import escape

from tatami.views.front import COSTS, Exploration, best_lines, rows, summary
from tatami.views.front_chart import front_svg
from tatami.views.numbers import bytes_text, duration, short
from tatami.views.page import facts_html, page
from tatami.views.plan_html import html_table


def front_page(found: Exploration) -> str:
    """The page."""
    best = found.best
    facts = [("searched", f"{found.members:,} networks"), ("trained", f"{len(found.trials):,}")]
    facts += [("time", duration(found.seconds)), ("budget", ", ".join(found.budgets) or "none")]
    if best is not None:
        facts += [("best", f"{best.score:.4f} validation {found.metric}"), ("parameters", f"{best.params:,}")]
    drawn = [(cost, front_svg(found, cost)) for cost in COSTS]
    figures = "".join(
        f"<figure><figcaption>{escape(found.metric)} against {escape(cost.heading)}</figcaption>{svg}</figure>"
        for cost, svg in drawn
        if svg
    )
    lines = "".join(f"<li>{escape(said)}</li>" for said in summary(found))
    sections = [
        f"<pre>{escape(found.family)}</pre>",
        facts_html(facts),
        f"<h2>The best</h2><pre>{escape(chr(10).join(best_lines(found)))}</pre>",
        "<h2>Fronts</h2><p class=small>Every point is a network, larger where it was trained longer. No network on a "
        "line is beaten at its cost or less; the ring is the best of those trained longest.</p>"
        f"<div class=charts>{figures}</div>",
        html_table(*rows(found)),
        f"<h2>What was tried</h2><ul>{lines}</ul>{_all(found)}",
        "<h2>Again</h2><p class=small>Any line, on all training samples, for as long as the longest trial:</p>"
        f"<pre>{escape(found.command)}</pre>",
    ]
    return page(f"explore {found.data}", sections)


def _all(found: Exploration) -> str:
    """Every trial, the best first."""
    headings = ("line", "trial", "epochs", f"validation {found.metric}", "params", "MACs", "memory", "as planned")
    ranked = sorted(found.trials, key=lambda tried: (-tried.epochs, -(tried.score or 0.0), tried.number))
    return html_table(
        headings,
        [
            (
                tried.line,
                f"{tried.number}",
                f"{tried.epochs}",
                tried.failure or f"{tried.score:.4f}",
                f"{tried.params:,}",
                short(tried.macs),
                bytes_text(tried.memory),
                "" if tried.failure else "yes" if tried.is_as_planned else "no",
            )
            for tried in ranked
        ],
    )
