"""An experiment as a page: verdict, statements, charts, tables."""

from __future__ import annotations

from html import escape

from tatami.views.experiment import LabReport, Table
from tatami.views.experiment_chart import experiment_svg
from tatami.views.experiment_table import quoted_rows, statement_rows
from tatami.views.page import facts_html, page


def experiment_html(report: LabReport) -> str:
    """The page."""
    found = report.conclusion
    facts = [("verdict", found.verdict), ("measurements", f"{report.trials:,}"), ("size", report.size)]
    facts += [("data", report.data)] * bool(report.data) + [("machine", report.machine)]
    drawn = [(chart.title, experiment_svg(chart)) for chart in found.charts]
    figures = "".join(f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" for title, svg in drawn if svg)
    sections = [f"<p>{escape(report.says)}</p>", facts_html(facts), _table(statement_rows(report))]
    sections += [f"<p class=small>{escape(caution)}</p>" for caution in found.cautions]
    sections += [f"<div class=charts>{figures}</div>"] * bool(figures)
    sections += [_table(table) for table in found.tables]
    sections += [_table(quoted_rows(report))] * bool(found.quoted)
    sources = "; ".join(map(escape, report.sources))
    sections.append(f"<h2>Sources</h2><p>{sources}</p><h2>Again</h2><pre>{escape(report.command)}</pre>")
    sections.append(f"<p class=small>{escape(', '.join(f'{n} {v}' for n, v in report.versions.items()))}</p>")
    return page(f"{report.claim}: {found.verdict}", sections)


def _table(table: Table) -> str:
    head = "".join(f"<th scope=col>{escape(column)}</th>" for column in table.columns)
    rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<h2>{escape(table.title)}</h2><div class=scroll>{body}</div>"
