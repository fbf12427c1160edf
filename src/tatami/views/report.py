"""The report of a run: one HTML file that needs nothing else, readable on a phone and in the dark."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from tatami.plan import Plan
from tatami.views.chart import Curve, line_chart
from tatami.views.drawing import network_svg
from tatami.views.evaluation import Evaluation, result_text
from tatami.views.inspect_network import filters_html
from tatami.views.inspect_parts import TILES
from tatami.views.inspection import FilterBank
from tatami.views.page import facts_html, framed, page
from tatami.views.plan_html import html_table, plan_html
from tatami.views.report_calibration import calibration_html
from tatami.views.report_classes import classes_html
from tatami.views.report_confusion import confusion_html
from tatami.views.report_errors import errors_html
from tatami.views.report_targets import targets_html

FILTERS = 64
"""First filters that are shown."""


@dataclass(frozen=True)
class Report:
    """What the page shows.

    Attributes:
        title: the network and its data.
        notation: the text of ``network.net``.
        plan: the network's costs.
        evaluation: what was found on the samples of the test; None when there was no test.
        facts: name and value of the results beside, the most important first.
        curves: losses over the steps.
        accuracy: validation accuracy over the steps.
        rate: the learning rate over the steps.
        data: name and value of what is known of the data.
        notes: lines of plain text, such as what was left out of the data.
        origin: by what it was made: command, seed, versions, machine.
        settings: name and value of every setting.
        filters: those that look at the input, if there are any.
    """

    title: str
    notation: str
    plan: Plan
    evaluation: Evaluation | None
    facts: list[tuple[str, str]]
    curves: list[Curve] = field(default_factory=list)
    accuracy: Curve = field(default_factory=lambda: Curve("validation accuracy", []))
    rate: Curve = field(default_factory=lambda: Curve("learning rate", []))
    data: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    origin: list[tuple[str, str]] = field(default_factory=list)
    settings: list[tuple[str, str]] = field(default_factory=list)
    filters: FilterBank | None = None

    @property
    def charts(self) -> list[tuple[str, list[Curve]]]:
        """The name of a value, and its curves over the steps."""
        return [("loss", self.curves), ("accuracy", [self.accuracy]), ("learning rate", [self.rate])]

    def _repr_html_(self) -> str:
        return framed(self.title, report_html(self))


def report_html(report: Report) -> str:
    """The whole page."""
    found = report.evaluation
    sections = [
        _STYLE,
        f"<p class=result>{escape(result_text(found))}</p>" if found is not None else "",
        facts_html(report.facts) if report.facts else "",
        _charts(report),
        *([] if found is None else _results(found)),
        _data(report),
        "<h2>Network</h2>",
        f"<pre>{escape(report.notation.strip())}</pre>",
        f"<div class=scroll>{network_svg(report.plan)}</div>",
        _filters(report.filters),
        "<h2>Layers</h2>",
        plan_html(report.plan),
        _table("How it was made", report.origin),
        _table("Settings", report.settings),
    ]
    return page(report.title, [section for section in sections if section])


def _charts(report: Report) -> str:
    figures = [_figure(name, line_chart(curves, "step", name)) for name, curves in report.charts]
    return f"<div class=charts>{''.join(figures)}</div>" if any(figures) else ""


def _figure(name: str, svg: str) -> str:
    title = {"loss": "Loss", "accuracy": "Validation accuracy", "learning rate": "Learning rate"}[name]
    return f"<figure><figcaption>{title}</figcaption>{svg}</figure>" if svg else ""


def _results(found: Evaluation) -> list[str]:
    parts = [targets_html(found)]
    if found.classes is not None:
        parts += [confusion_html(found.classes), classes_html(found.classes)]
        if found.classes.calibration is not None:
            parts.append(calibration_html(found.classes.calibration))
    return [*parts, errors_html(found.worst)]


def _data(report: Report) -> str:
    if not report.data and not report.notes:
        return ""
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    return f"<h2>Data</h2>{facts_html(report.data)}" + (f"<ul class=small>{notes}</ul>" if notes else "")


def _filters(bank: FilterBank | None) -> str:
    return f"{TILES}<h2>First filters</h2>{filters_html(bank, FILTERS)}" if bank is not None else ""


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    return f"<h2>{title}</h2>{html_table(('name', 'value'), rows)}" if rows else ""


_STYLE = """<style>
.result { font-size: 1.25rem; font-weight: 600; margin: 0 0 1rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 1.25rem 0 .25rem; } summary { cursor: pointer; margin: .5rem 0; }
.errors { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 1rem; }
.errors img { width: 96px; height: 96px; object-fit: contain; object-position: left; image-rendering: pixelated; }
.errors p { margin: .25rem 0 0; font-size: .9rem; line-height: 1.35; overflow-wrap: anywhere; }
</style>"""
