"""What holds for the network rather than for one sample: filters, units, gradients, strongest patches.

Letters: H and W pixels, F window sizes, C channels, K filters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tatami.views.inspect_curves import curves_svg
from tatami.views.inspect_parts import gauge, picture, sample_picture, table, tile, tiles, units_text
from tatami.views.inspect_pixels import Scale, address, filter_image, map_image
from tatami.views.inspection import FilterBank, GradientSize, PatchView, UnitPatches, UnitStatistics, Values

DEAD_NAMED = 12
"""Dead units that are named one by one."""

DECADES = 6
"""Powers of ten that the bars of the gradients span, from the largest down."""


def filters_html(bank: FilterBank, units_shown: int | None) -> str:
    """A layer's filters, each by its own largest magnitude: 0 is grey, or white in a diverging mosaic."""
    count = bank.values.shape[-1]
    shown = min(count, units_shown or count)
    curves = bank.values.ndim == 3 and bank.values.shape[-2] == 1
    kind = "signal" if curves else "wide" if bank.values.shape[-2] > 3 else ""
    items = [tile(_filter(bank.values[..., k], f"{bank.layer}, filter {k}"), str(k)) for k in range(shown)]
    size = "x".join(map(str, bank.values.shape[:-1]))
    what = f"{size}, {units_text(count, units_shown).replace('units', 'filters')}"
    head = f"<b>{escape(bank.layer)}</b> <span class=small>{what}; {_colours(bank)}</span>"
    return f"<details open><summary>{head}</summary>{tiles(items, kind)}</details>"


def _colours(bank: FilterBank) -> str:
    """How the picture of a filter is to be read."""
    channels = bank.values.shape[-2]
    if bank.values.ndim == 3:
        return "its weights as a curve" if channels == 1 else "steps from left to right, channels from top to bottom"
    if channels == 3:
        return "in the colours that it answers to, grey for 0"
    return "blue below 0, red above" + (f"; its {channels} channels side by side" if channels > 1 else "")


def _filter(weights: Values, label: str) -> str:
    most = Scale.of(weights).most or 1.0
    label = f"{label}: {float(weights.min()):.3g} to {float(weights.max()):.3g}"
    if weights.ndim == 3:
        return picture(address(filter_image(weights)), label)
    scale = Scale(-most, most)
    return (
        curves_svg(weights, label, scale)
        if weights.shape[1] == 1
        else picture(address(map_image(weights.T, scale)), label)
    )


def units_table(found: Sequence[UnitStatistics]) -> str:
    """Dead units and saturation, a row a layer."""
    if not found:
        return ""
    rows = [
        (
            escape(row.layer),
            escape(row.keyword),
            f"{row.units:,}",
            "-" if row.dead is None else _dead(row.dead, row.units),
            "-" if row.saturated is None else f"{100 * row.saturated:.1f} %",
            f"{100 * row.zeros:.1f} %",
            f"{row.mean:.4g}",
            f"{row.sd:.4g}",
        )
        for row in found
    ]
    return table(("layer", "kind", "units", "dead", "saturated", "zeros", "mean", "sd"), rows)


def _dead(dead: Sequence[int], units: int) -> str:
    if not dead:
        return "0"
    named = ", ".join(map(str, dead[:DEAD_NAMED])) + (", ..." if len(dead) > DEAD_NAMED else "")
    return f"{len(dead):,} ({100 * len(dead) / units:.0f} %): {named}"


def gradients_table(found: Sequence[GradientSize]) -> str:
    """Sizes of gradients, a row a layer, with bars on a logarithmic scale."""
    if not found:
        return ""
    sizes = [size for row in found for size in (row.activations, row.weights) if size]
    most = max(sizes, default=1.0)
    rows = [
        (escape(row.layer), escape(row.keyword), _size(row.activations, most), _size(row.weights, most))
        for row in found
    ]
    return table(("layer", "kind", "of its output", "of its weights"), rows)


def _size(size: float | None, most: float) -> str:
    if size is None:
        return "-"
    share = 1 + math.log10(size / most) / DECADES if size > 0 else 0.0
    return gauge(share, f"{size:.2e}")


def patches_html(found: Sequence[UnitPatches], kind: str) -> str:
    """For each layer its most active units, each with the pieces at which it answered most."""
    parts = []
    for layer in dict.fromkeys(unit.layer for unit in found):
        rows = [_unit(unit, kind) for unit in found if unit.layer == layer]
        parts.append(f"<details open><summary><b>{escape(layer)}</b></summary>{''.join(rows)}</details>")
    return "".join(parts)


def _unit(unit: UnitPatches, kind: str) -> str:
    items = [tile(_piece(patch), _caption(patch)) for patch in unit.patches]
    return f"<p class=small>unit {unit.unit}</p>{tiles(items, 'signal' if kind == 'signal' else '')}"


def _piece(patch: PatchView) -> str:
    place = ", ".join(f"{start} to {stop}" for start, stop in patch.spans)
    return sample_picture(patch.raw, f"{patch.sample}, {place}: {patch.value:.4g}")


def _caption(patch: PatchView) -> str:
    label = f"{escape(patch.label)} " if patch.label else ""
    return f"{label}<span class=small>{patch.value:.3g}</span>"
