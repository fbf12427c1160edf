"""One inspected sample as a section of the page: prediction, attributions, what a unit sees, activation maps.

Letters: H and W pixels, L time steps, C channels or units.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tatami.views.inspect_curves import MAX_CURVES, bars_svg, curves_svg
from tatami.views.inspect_methods import METHODS
from tatami.views.inspect_parts import (
    gauge,
    legend,
    map_picture,
    picture,
    sample_picture,
    table,
    tile,
    tiles,
    units_text,
)
from tatami.views.inspect_pixels import Scale, address, overlay_image, sample_image
from tatami.views.inspection import Attribution, InspectedSample, LayerMaps, Raw, UnitField

_BANDS = "The bands behind the curve: red above 0, blue below; the stronger, the farther from 0."

TOP = 5
"""Classes whose probabilities are shown."""


def sample_html(sample: InspectedSample, *, regression: bool, units_shown: int | None) -> str:
    """The whole section.

    Args:
        sample: what was found.
        regression: whether ``ranked`` holds predicted values instead of probabilities.
        units_shown: of each layer at most; None for all.
    """
    parts = [f"<h2>{escape(sample.name)}</h2>", _looked_at(sample, regression)]
    if sample.attributions:
        what = "the predicted" if regression else "the score of"
        parts.append(f"<h3>What {what} {escape(sample.target)} depends on</h3>")
        if sample.raw.ndim == 2:
            parts.append(f"<p class=small>{_BANDS}</p>")
        parts.append(tiles([_attribution(found, sample.raw) for found in sample.attributions], _wide(sample.raw)))
    if sample.seen is not None:
        parts += [f"<h3>What unit {sample.seen.layer}:{sample.seen.unit} sees</h3>", _seen(sample.seen, sample.raw)]
    if sample.maps:
        parts += ["<h3>Activation maps</h3>", *(maps_html(found, units_shown) for found in sample.maps)]
    return f"<section class=sample>{''.join(parts)}</section>"


def _looked_at(sample: InspectedSample, regression: bool) -> str:
    channels = sample.raw.shape[-1]
    left = sample.raw.ndim == 2 and channels > MAX_CURVES
    note = f" Its first {MAX_CURVES} of {channels} channels." if left else ""
    shown = tile(sample_picture(sample.raw, sample.name), f"the input, {'x'.join(map(str, sample.raw.shape))}.{note}")
    if regression:
        values = table(("target", "predicted"), [(escape(name), f"{value:.4g}") for name, value in sample.ranked])
    else:
        rows = [(escape(name), gauge(share, f"{share:.4f}")) for name, share in sample.ranked[:TOP]]
        values = table(("class", "probability"), rows)
    return f"<div class=look><div class=input>{shown}</div>{values}</div>"


def _attribution(found: Attribution, raw: Raw) -> str:
    method = METHODS[found.method]
    values = method.flat(found.values, raw.ndim - 1)
    scale = Scale.of(values)
    label = f"{method.title}, from {scale.low:.3g} to {scale.high:.3g}"
    if raw.ndim == 2:
        shown = curves_svg(raw, label, bands=values)
    elif method.over:
        shown = picture(address(overlay_image(raw, values)), label) + legend(Scale(-scale.most, scale.most))
    else:
        shown = map_picture(values, scale, label) + legend(scale)
    extent = f"; {scale.low:.3g} to {scale.high:.3g}" if raw.ndim == 2 else ""
    layer = f" ({escape(found.layer)})" if found.layer else ""
    return tile(shown, f"<b>{method.title}</b>{layer}: {escape(method.about)}{extent}. {escape(method.source)}")


def _seen(seen: UnitField, raw: Raw) -> str:
    size = "x".join(str(stop - start) for start, stop in seen.spans)
    at = f" at {', '.join(map(str, seen.position))}" if seen.position else ""
    words = f"its largest activation here is {seen.value:.4g}{at}; its receptive field there is {size}"
    label = f"unit {seen.layer}:{seen.unit}: {words}"
    if raw.ndim == 2:
        shown = curves_svg(raw, label, span=seen.spans[0])
    else:
        shown = _framed(raw, seen, label)
    return tiles([tile(shown, words)], _wide(raw))


def _wide(raw: Raw) -> str:
    return "wide signal" if raw.ndim == 2 else "wide"


def _framed(raw: Raw, seen: UnitField, label: str) -> str:
    """The image with the field on it; where that reaches into the padding, so does the drawing."""
    (top, bottom), (left, right) = seen.spans
    height, width = raw.shape[:2]
    first, above = min(left, 0) - 0.5, min(top, 0) - 0.5
    across, down = max(right, width) + 0.5 - first, max(bottom, height) + 0.5 - above
    return (
        f"<svg viewBox='{first} {above} {across} {down}' role='img' aria-label='{escape(label, quote=True)}'>"
        f"<image href='{address(sample_image(raw))}' width='{width}' height='{height}' preserveAspectRatio='none'/>"
        f"<rect x='{left}' y='{top}' width='{right - left}' height='{bottom - top}' fill='none' "
        "stroke='var(--c1)' stroke-width='2' vector-effect='non-scaling-stroke'/></svg>"
    )


def maps_html(found: LayerMaps, units_shown: int | None) -> str:
    """A layer's maps on one scale, so that a unit that is silent looks so."""
    units = found.values.shape[-1]
    scale = Scale.of(found.values)
    kind = f"{found.keyword} {'x'.join(map(str, found.values.shape))}"
    head = f"<b>{escape(found.layer)}</b> <span class=small>{escape(kind)}, {scale.low:.3g} to {scale.high:.3g}"
    if found.values.ndim == 1:
        label = f"{found.layer}: {units} values"
        return _folded(f"{head}</span>", bars_svg(found.values, label, scale, found.names), "vector")
    shown = tiles(list(_unit_tiles(found, scale, units_shown)), "signal" if found.values.ndim == 2 else "")
    ruler = legend(scale) if found.values.ndim == 3 else ""
    return _folded(f"{head}, {units_text(units, units_shown)}</span>", ruler + shown)


def _unit_tiles(found: LayerMaps, scale: Scale, units_shown: int | None) -> Iterator[str]:
    for unit in range(min(found.values.shape[-1], units_shown or found.values.shape[-1])):
        values = found.values[..., unit]
        label = f"{found.layer}, unit {unit}: {float(values.min()):.3g} to {float(values.max()):.3g}"
        yield tile(map_picture(values, scale, label), str(unit))


def _folded(head: str, content: str, kind: str = "") -> str:
    return f"<details open class='{kind}'><summary>{head}</summary>{content}</details>"
