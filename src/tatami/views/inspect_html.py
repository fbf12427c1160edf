"""An inspection as one HTML file that needs nothing else: no script, no request."""

from __future__ import annotations

from html import escape

from tatami.views.inspect_embedding import embedding_html
from tatami.views.inspect_network import filters_html, gradients_table, patches_html, units_table
from tatami.views.inspect_parts import STYLE, TILES
from tatami.views.inspect_sample import sample_html
from tatami.views.inspection import Inspection
from tatami.views.page import facts_html, page


def inspection_html(found: Inspection) -> str:
    """The whole page."""
    shown = found.units_shown
    notes = "".join(f"<li>{escape(note)}</li>" for note in found.notes)
    filters = "".join(filters_html(bank, shown) for bank in found.filters)
    embeddings = "".join(map(embedding_html, found.embeddings))
    over = escape(found.over)
    sections = [
        TILES + STYLE,
        facts_html(found.facts),
        f"<ul class=small>{notes}</ul>" if notes else "",
        *(sample_html(sample, regression=found.regression, units_shown=shown) for sample in found.samples),
        _section("Filters", "The weights that are learnt, each filter by its own largest magnitude.", filters),
        _section("Units", _UNITS.format(over=over), units_table(found.units)),
        _section("Gradients", _GRADIENTS, gradients_table(found.gradients)),
        _section("Strongest patches", _PATCHES.format(over=over), patches_html(found.patches, found.kind)),
        _section("Embedding", _EMBEDDING.format(over=over), embeddings and f"<div class=charts>{embeddings}</div>"),
        f"<h2>Network</h2><pre>{escape(found.notation.strip())}</pre>",
    ]
    return page(found.title, [section for section in sections if section])


def _section(title: str, about: str, content: str) -> str:
    return f"<section><h2>{title}</h2><p class=small>{about}</p>{content}</section>" if content else ""


_UNITS = (
    "Over {over}. A unit is dead when it answers 0 to all of them, at every position; saturated answers lie at a bound "
    "of the activation."
)
_GRADIENTS = (
    "Of the explained scores of the samples above, as root mean squares; the bars are logarithmic. Where they shrink "
    "by powers of ten from the last layer to the first, the first hardly learns."
)
_PATCHES = (
    "Of each layer the units of the largest activation, each with the pieces of {over} at which it answers most, "
    "in the size of its receptive field (Zeiler and Fergus 2014; Girshick et al. 2014)."
)
_EMBEDDING = "What the last hidden layer makes of {over}, in two dimensions; colour and shape tell the class."
