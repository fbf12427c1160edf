"""An experiment in the terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from tatami.views.experiment import LabReport, Statement, Table

MARKS = {True: "holds", False: "does not hold", None: "open"}


def experiment_table(report: LabReport) -> RenderableType:
    """The whole report for the terminal."""
    found = report.conclusion
    parts: list[RenderableType] = [Text(f"{report.claim}: {report.says}", style="bold"), Text()]
    for table in found.tables:
        parts += [_rich(table), Text()]
    if found.quoted:
        parts += [_rich(quoted_rows(report)), Text()]
    parts += [_rich(statement_rows(report)), Text()]
    parts += [Text(f"! {caution}", style="dim") for caution in found.cautions]
    parts.append(Text(f"verdict: {found.verdict}", style="bold"))
    return Group(*parts)


def experiment_markdown(report: LabReport, level: int = 2) -> str:
    """The whole report but its charts, under a heading of ``level``."""
    found = report.conclusion
    lines = [f"{'#' * level} {report.claim}: {found.verdict}", "", report.says, ""]
    tables = [*found.tables, *([quoted_rows(report)] if found.quoted else []), statement_rows(report)]
    for table in tables:
        lines += [f"*{table.title}*", "", *_markdown(table), ""]
    lines += [f"- {caution}" for caution in found.cautions]
    lines += [""] * bool(found.cautions)
    where = f" on {report.data}" if report.data else ""
    lines.append(f"`{report.command}`: {report.trials} measurements{where}. Sources: ")
    lines[-1] += "; ".join(report.sources) + "."
    return "\n".join([*lines, ""])


def experiments_markdown(reports: Sequence[LabReport]) -> str:
    """Reports one below the other; under a table of their verdicts where they are several."""
    parts = [experiment_markdown(report) for report in reports]
    if len(reports) > 1:
        parts.insert(0, "\n".join([*_markdown(verdict_rows(reports)), ""]))
    return "\n".join(parts)


def claims_markdown(claims: Iterable[tuple[str, str]]) -> str:
    """The list of claims: each one's name, and what it says."""
    return "\n".join([*_markdown(Table("Claims", ("claim", "says"), tuple(claims))), ""])


def verdict_rows(reports: Sequence[LabReport]) -> Table:
    """What became of each claim."""
    rows = tuple((report.claim, report.says, report.conclusion.verdict) for report in reports)
    return Table("Verdicts", ("claim", "says", "verdict"), rows)


def verdict_table(reports: Sequence[LabReport]) -> RenderableType:
    """The verdicts for the terminal."""
    return _rich(verdict_rows(reports))


def statement_rows(report: LabReport) -> Table:
    """What is claimed, what was measured, and what that says."""
    rows = tuple((s.text, measured_text(s), MARKS[s.holds]) for s in report.conclusion.statements)
    return Table("What was claimed, and measured (95% confidence)", ("statement", "measured", ""), rows)


def quoted_rows(report: LabReport) -> Table:
    """The papers' figures beside ours."""
    rows = tuple((q.what, q.paper, q.ours, q.source) for q in report.conclusion.quoted)
    return Table("Beside the papers", ("figure", "paper", "here", "source"), rows)


def measured_text(statement: Statement) -> str:
    """The figure that decides, and what it is held against."""
    sign = ">" if statement.side == "above" else "<"
    return f"{statement.measured}{statement.unit} {sign} {statement.bound:g}?"


def _texts(table: Table) -> list[bool]:
    """Which columns are read as text, from the left: the first, and all where statements are told."""
    told = bool({"statement", "says", "paper"} & {*table.columns})
    return [told or i == 0 for i in range(len(table.columns))]


def _rich(table: Table) -> RichTable:
    made = RichTable(title=table.title, title_justify="left", title_style="italic", box=None, pad_edge=False)
    for column, is_text in zip(table.columns, _texts(table), strict=True):
        made.add_column(column, justify="left" if is_text else "right", overflow="fold")
    for row in table.rows:
        made.add_row(*map(Text, row))
    return made


def _markdown(table: Table) -> Sequence[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = "|" + "|".join("---" if is_text else "--:" for is_text in _texts(table)) + "|"
    return [line(table.columns), rule, *map(line, table.rows)]
