"""The confusion matrix of a report."""

from __future__ import annotations

from html import escape

from tatami.views.confusion import Matrix, cut, frequent_mistakes
from tatami.views.evaluation import Classified
from tatami.views.plan_html import html_table


def confusion_html(found: Classified) -> str:
    """Rows are the true classes, columns the predicted ones; of many classes, those with the most mistakes."""
    matrix = cut(found)
    note = f"<p class=small>{matrix.note}</p>" if matrix.note else ""
    pairs = frequent_mistakes(found) if matrix.note else []
    listed = [(true, predicted, f"{count:,}") for true, predicted, count in pairs]
    mistakes = "<h3>The most frequent mistakes</h3>" + html_table(("true", "taken for", "samples"), listed)
    return (
        "<h2>What was taken for what</h2><p>Rows: true class. Columns: predicted.</p>"
        f"{note}<div class=scroll>{_table(matrix)}</div>{mistakes if listed else ''}"
    )


def _table(matrix: Matrix) -> str:
    """Mistakes are shaded by their share of the row."""
    columns = [*matrix.names, *(["all others"] if matrix.others else [])]
    head = "<th></th>" + "".join(f"<th scope=col>{escape(name)}</th>" for name in columns)
    body = []
    for i, (name, row) in enumerate(zip(matrix.names, matrix.rows, strict=True)):
        counts = [*row, *matrix.others[i : i + 1]]
        total = max(sum(counts), 1)
        cells = "".join(_cell(count, count / total, right=i == j) for j, count in enumerate(counts))
        body.append(f"<tr><th scope=row>{escape(name)}</th>{cells}</tr>")
    return f"<table class=confusion><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _cell(count: int, share: float, *, right: bool) -> str:
    if not count:
        return "<td></td>"
    hue = "var(--good)" if right else "var(--bad)"
    strength = round(60 * share) if right else round(min(100, 400 * share))
    return f"<td style='background:color-mix(in srgb, {hue} {strength}%, transparent)'>{count}</td>"
