"""A plan as an HTML table."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from tatami.plan import Plan
from tatami.views.numbers import short
from tatami.views.plan_rows import HEADINGS, layer_row


def plan_html(plan: Plan) -> str:
    """The layers, one a row, and the totals."""
    totals = plan.totals
    total = ("total", "", f"{totals.params:,}", short(totals.macs), f"{totals.activation_values:,}", "", "")
    return html_table(HEADINGS, [*map(layer_row, plan.layers), total])


def html_table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of texts, which are escaped here."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
