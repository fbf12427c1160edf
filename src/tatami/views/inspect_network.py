"""What holds for the network rather than for one sample: filters, units, gradients, strongest patches.

Letters: H and W pixels, F window sizes, C channels, K filters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from tatami.views.inspect_curves import MAX_CURVES, curves_svg
from tatami.views.inspect_parts import gauge, picture, sample_picture, table, tile, tiles, units_text
from tatami.views.inspect_pixels import Scale, address, colour_image, map_image, mosaic
from tatami.views.inspection import FilterBank, GradientSize, PatchView, UnitPatches, UnitStatistics, Values

FILTER_SIDE = 400
"""Longest side of a filter's picture in pixels: its channels are many."""

DEAD_NAMED = 12
"""Dead units that are named one by one."""

DECADES = 6
"""Powers of ten that the bars of the gradients span, from the largest down."""


def filters_html(bank: FilterBank, units_shown: int | None) -> str:
    """A layer's filters, each by its own largest magnitude; those of deeper layers folded."""
    *size, channels, count = bank.values.shape
    draw, how, kind = _manner(bank, len(size), channels)
    shown = min(count, units_shown or count)
    items = [tile(draw(bank.values[..., k], _label(bank, k)), str(k)) for k in range(shown)]
    what = f"{'x'.join(map(str, (*size, channels)))}, {units_text(count, units_shown).replace('units', 'filters')}"
    head = f"<b>{escape(bank.layer)}</b> <span class=small>{what}; {how}</span>"
    return f"<details{' open' if bank.first else ''}><summary>{head}</summary>{tiles(items, kind)}</details>"


def _manner(bank: FilterBank, axes: int, channels: int) -> tuple[Callable[[Values, str], str], str, str]:
    """How a filter is drawn, how that is to be read, and the kind of tiles that it takes."""
    if axes == 1 and channels <= MAX_CURVES:
        return _curves, "its weights over the steps" + (", a curve a channel" if channels > 1 else ""), "signal"
    if axes == 1:
        return _heat, "blue below 0, red above; channels from left to right, steps from top to bottom", "wide signal"
    if bank.first and channels == 3:
        return _colours, "in the colours that it answers to, grey for 0", ""
    how = "blue below 0, red above" + (f"; its {channels} channels side by side" if channels > 1 else "")
    return _mosaic, how, "wide" if channels > 1 else ""


def _label(bank: FilterBank, k: int) -> str:
    weights = bank.values[..., k]
    return f"{bank.layer}, filter {k}: {float(weights.min()):.3g} to {float(weights.max()):.3g}"


def _curves(weights: Values, label: str) -> str:
    return curves_svg(weights, label, _about_zero(weights))


def _heat(weights: Values, label: str) -> str:
    return picture(address(map_image(weights, _about_zero(weights), FILTER_SIDE)), label)


def _mosaic(weights: Values, label: str) -> str:
    return _heat(mosaic(weights), label)


def _colours(weights: Values, label: str) -> str:
    return picture(address(colour_image(weights, _about_zero(weights))), label)


def _about_zero(weights: Values) -> Scale:
    most = Scale.of(weights).most or 1.0
    return Scale(-most, most)


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
    # Signals on one scale, so that their sizes can be compared, as those of pictures can.
    scale = Scale.over(patch.raw for patch in unit.patches)
    items = [tile(_piece(patch, scale), _caption(patch)) for patch in unit.patches]
    return f"<p class=small>unit {unit.unit}</p>{tiles(items, 'signal' if kind == 'signal' else '')}"


def _piece(patch: PatchView, scale: Scale) -> str:
    place = ", ".join(f"{start} to {stop}" for start, stop in patch.spans)
    return sample_picture(patch.raw, f"{patch.sample}, {place}: {patch.value:.4g}", scale)


def _caption(patch: PatchView) -> str:
    label = f"{escape(patch.label)} " if patch.label else ""
    return f"{label}<span class=small>{patch.value:.3g}</span>"
