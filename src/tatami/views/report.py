"""The report of a run: one HTML file that needs nothing else, readable on a phone and in the dark."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tatami.plan import Plan
from tatami.views.chart import Curve, line_chart
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
        f"<h1>{escape(report.title)}</h1>",
        _facts(report.facts),
        f"<pre>{escape(report.notation.strip())}</pre>",
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
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(report.title)} - tatami</title><style>{_STYLE}</style></head><body><main>\n"
        + "\n".join(sections)
        + "\n</main></body></html>\n"
    )


def _facts(facts: list[tuple[str, str]]) -> str:
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return f"<dl>{items}</dl>"


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


_STYLE = """
:root { color-scheme: light dark; --ink: #1c1b19; --faint: #77736b; --paper: #fbfaf6; --line: #d9d5ca;
  --good: #4f7f52; --bad: #c0563b; --c0: #35618f; --c1: #c0563b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9e6df; --faint: #9a958a; --paper: #1b1a18; --line: #3c3a35;
  --good: #7fb483; --bad: #e0805f; --c0: #7fb0e0; --c1: #e0805f; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; margin: 0 0 1rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 0 0 1rem; } dl div { min-width: 8rem; }
dt { color: var(--faint); font-size: .85rem; } dd { margin: 0; font-weight: 600; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid var(--line); padding: .25rem 1rem;
  font-size: .85rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.5rem; }
figure { margin: 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; overflow: visible; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: left; color: var(--faint); font-weight: 500; } td, th { padding: .15rem .75rem; }
tbody tr { border-top: 1px solid var(--line); } td:not(:first-child) { text-align: right; }
thead th:not(:first-child) { text-align: right; }
.confusion td, .confusion thead th { text-align: center; min-width: 1.6rem; padding: .15rem .4rem; }
""".strip()
