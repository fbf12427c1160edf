"""The report of a run: one HTML file that needs nothing else, readable on a phone and in the dark."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tatami.plan import Plan
from tatami.views.chart import Curve, line_chart
from tatami.views.drawing import network_svg
from tatami.views.page import facts_html, page
from tatami.views.plan_html import html_table, plan_html


@dataclass(frozen=True)
class Report:
    """What the page shows.

    Attributes:
        title: the network and its data.
        notation: the text of ``network.net``.
        plan: the network's costs.
        settings: name and value of every setting.
        facts: name and value of the results, the most important first.
        curves: losses over the steps.
        accuracy: validation accuracy over the steps.
        classes: names, in the order of the confusion matrix.
        confusion: ``confusion[i][j]`` samples of class i were taken for class j; empty when there was no test.
    """

    title: str
    notation: str
    plan: Plan
    settings: list[tuple[str, str]]
    facts: list[tuple[str, str]]
    curves: list[Curve]
    accuracy: Curve
    classes: list[str]
    confusion: list[list[int]]


def report_html(report: Report) -> str:
    """The whole page."""
    sections = [
        facts_html(report.facts),
        f"<pre>{escape(report.notation.strip())}</pre>",
        f"<div class=scroll>{network_svg(report.plan)}</div>",
        "<div class=charts>",
        _figure("Loss", line_chart(report.curves, "step", "loss")),
        _figure("Validation accuracy", line_chart([report.accuracy], "step", "accuracy")),
        "</div>",
        _confusion(report.classes, report.confusion),
        "<h2>Layers</h2>",
        plan_html(report.plan),
        "<h2>Settings</h2>",
        html_table(("setting", "value"), report.settings),
    ]
    return page(report.title, sections)


def _figure(title: str, svg: str) -> str:
    return f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" if svg else ""


def _confusion(classes: list[str], confusion: list[list[int]]) -> str:
    """Rows are the true classes, columns the predicted ones; mistakes are shaded by their share of the row."""
    if not confusion:
        return ""
    head = "<th></th>" + "".join(f"<th scope=col>{escape(name)}</th>" for name in classes)
    rows = []
    for i, (name, counts) in enumerate(zip(classes, confusion, strict=True)):
        total = max(sum(counts), 1)
        cells = []
        for j, count in enumerate(counts):
            share = count / total
            hue = "var(--good)" if i == j else "var(--bad)"
            strength = round(60 * share) if i == j else round(min(100, 400 * share))
            shade = f"background:color-mix(in srgb, {hue} {strength}%, transparent)"
            cells.append(f"<td style='{shade}'>{count or ''}</td>")
        rows.append(f"<tr><th scope=row>{escape(name)}</th>{''.join(cells)}</tr>")
    table = f"<table class=confusion><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return (
        f"<h2>What was taken for what</h2><p>Rows: true class. Columns: predicted.</p><div class=scroll>{table}</div>"
    )
