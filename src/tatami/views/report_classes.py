"""The figures of each class in a report, the worst recall first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tatami.views.evaluation import ClassFigures, Classified
from tatami.views.evaluation_rows import CLASS_HEADINGS, class_row

OPEN = 50
"""Of more classes, the rest is folded away."""


def classes_html(found: Classified) -> str:
    """A table with bars; classes without samples come last."""
    ordered = sorted(found.classes, key=lambda each: (each.support == 0, each.recall, each.precision))
    rest = ordered[OPEN:]
    folded = f"<details><summary>the other {len(rest):,} classes</summary>{_table(rest)}</details>" if rest else ""
    means = f"Means over the classes: precision {found.precision:.4f}, recall {found.recall:.4f}, F1 {found.f1:.4f}."
    return f"<h2>Classes, the least recalled first</h2><p class=small>{means}</p>{_table(ordered[:OPEN])}{folded}"


def _table(classes: Sequence[ClassFigures]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in CLASS_HEADINGS)
    body = "".join(map(_row, classes))
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _row(figures: ClassFigures) -> str:
    name, *texts = class_row(figures)
    bars = (figures.precision, figures.recall, figures.f1)
    cells = [_bar(text, share) for text, share in zip(texts, bars, strict=False)]
    cells += [f"<td>{text}</td>" for text in texts[len(bars) :]]
    return f"<tr><td>{escape(name)}</td>{''.join(cells)}</tr>"


def _bar(text: str, share: float) -> str:
    """A number over a bar from the left."""
    if text == "-":
        return "<td>-</td>"
    shade = "color-mix(in srgb, var(--good) 40%, transparent)"
    return f"<td style='background:linear-gradient(to right, {shade} {100 * share:.1f}%, transparent 0)'>{text}</td>"
