"""The figures of a regression in a report."""

from __future__ import annotations

from html import escape

from tatami.views.chart import histogram_chart, scatter_chart
from tatami.views.evaluation import Evaluation, TargetFigures
from tatami.views.evaluation_rows import TARGET_HEADINGS, target_rows
from tatami.views.plan_html import html_table

DRAWN = 6
"""The most targets that have charts."""


def targets_html(found: Evaluation) -> str:
    """A table of the targets; for each, predicted against true, and the residuals."""
    if found.targets is None:
        return ""
    targets = found.targets.targets
    more = f"<p class=small>Charts of the first {DRAWN} of {len(targets)} targets.</p>" if len(targets) > DRAWN else ""
    charts = "".join(_charts(each, found.total) for each in targets[:DRAWN])
    return f"<h2>Targets</h2>{html_table(TARGET_HEADINGS, target_rows(found))}{more}<div class=charts>{charts}</div>"


def _charts(target: TargetFigures, total: int) -> str:
    name = escape(target.name)
    some = f", {len(target.points):,} of {total:,} samples" if len(target.points) < total else ""
    scatter = scatter_chart(target.points, f"true {target.name}", f"predicted {target.name}")
    residuals = histogram_chart(target.edges, target.counts, "predicted - true")
    return (
        f"<figure><figcaption>{name}: predicted by true{some}</figcaption>{scatter}</figure>"
        f"<figure><figcaption>{name}: residuals</figcaption>{residuals}</figure>"
    )
