"""Signals and vectors as small SVG drawings: curves, bands behind them, bars.

Letters: L time steps, C channels or units.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.views.inspect_pixels import Scale

Values = NDArray[np.floating[Any]]

WIDTH, HEIGHT = 160, 56
MAX_CURVES = 6
"""Channels of a signal that are drawn; the page says so of the others."""

MAX_BARS = 256
"""Units of a vector whose bars can be pointed at one by one."""

_POINTS = 120  # of a curve: more would lie on one another


def curves_svg(
    signal: Values,
    label: str,
    scale: Scale | None = None,
    bands: Values | None = None,
    span: tuple[int, int] | None = None,
) -> str:
    """The first channels of a signal (L, C).

    Args:
        signal: what is drawn.
        label: what it is, for those who do not see it.
        scale: the values at the lower and the upper edge; unless given, the signal's own.
        bands: (L,), drawn behind the curves: the stronger, the farther from 0; in one colour above, another below.
        span: (start, stop) of steps that are framed. It may reach beyond the signal; the drawing then does so too.
    """
    length = len(signal)
    first, last = (min(span[0], 0), max(span[1], length)) if span else (0, length)
    scale = scale or Scale.of(signal[:, :MAX_CURVES])
    step = WIDTH / max(last - first - 1, 1)
    parts = [] if bands is None else _bands(bands, step)
    if span is not None:
        left, right = (span[0] - first) * step, (span[1] - first) * step
        parts.append(
            f"<rect x='{left:.1f}' y='0' width='{max(right - left - step, 1):.1f}' height='{HEIGHT}' "
            "fill='var(--c1)' fill-opacity='.18' stroke='var(--c1)'/>"
        )
    if scale.low < 0 < scale.high:
        zero = _level(0.0, scale)
        parts.append(f"<path d='M0 {zero:.1f}H{WIDTH}' stroke='var(--line)'/>")
    at = np.unique(np.linspace(0, length - 1, min(_POINTS, length)).round().astype(np.int64))
    for c in range(min(signal.shape[1], MAX_CURVES)):
        values = np.nan_to_num(signal[at, c].astype(np.float64), posinf=0.0, neginf=0.0)
        points = " ".join(f"{(i - first) * step:.0f},{_level(v, scale):.1f}" for i, v in zip(at, values, strict=True))
        if length == 1:
            points += f" {WIDTH},{_level(values[0], scale):.1f}"
        colour = f"var(--c{c % 2})" if bands is None else "var(--ink)"
        parts.append(f"<polyline points='{points}' fill='none' stroke='{colour}' stroke-width='1.2'/>")
    return _svg(parts, label)


def bars_svg(values: Values, label: str, scale: Scale, names: Sequence[str] = ()) -> str:
    """A vector (C,) as bars from 0, each with its value to be read; ``names`` unless the units are numbers."""
    zero = Scale(min(scale.low, 0.0), max(scale.high, 0.0))
    wide = WIDTH * 2 / max(len(values), 1)
    ground = _level(0.0, zero)
    numbers = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    parts = _many_bars(numbers, zero, wide) if len(numbers) > MAX_BARS else []
    for i, value in enumerate(numbers if not parts else ()):
        top, bottom = sorted((_level(float(value), zero), ground))
        name = names[i] if i < len(names) else f"unit {i}"
        parts.append(
            f"<rect x='{i * wide:.1f}' y='{top:.1f}' width='{max(wide * 0.8, 0.5):.1f}' "
            f"height='{max(bottom - top, 0.3):.1f}' fill='var(--c{int(value < 0)})'>"
            f"<title>{escape(name)}: {value:.4g}</title></rect>"
        )
    parts.append(f"<path d='M0 {ground:.1f}H{2 * WIDTH}' stroke='var(--faint)' stroke-width='.5'/>")
    return _svg(parts, label, 2 * WIDTH)


def _many_bars(values: NDArray[np.float64], scale: Scale, wide: float) -> list[str]:
    """Bars of one path for each sign: too many to be pointed at, and to write one by one."""
    ground, parts = _level(0.0, scale), []
    for sign, colour in ((1, "c0"), (-1, "c1")):
        bars = "".join(
            f"M{(i + 0.5) * wide:.1f} {ground:.1f}V{_level(values[i], scale):.1f}"
            for i in np.flatnonzero(sign * values > 0)
        )
        parts.append(f"<path d='{bars}' stroke='var(--{colour})' stroke-width='{0.8 * wide:.2f}'/>")
    return parts


def _bands(values: Values, step: float) -> list[str]:
    """Rectangles behind the curves, at most as many as a curve has points; each as strong as its strongest value."""
    parts = []
    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    most = float(np.abs(values).max(initial=0.0)) or 1.0
    for piece in np.array_split(np.arange(len(values)), min(_POINTS, len(values))):
        value = float(values[piece[np.abs(values[piece]).argmax()]])
        if abs(value) / most < 0.01:
            continue
        left = max((piece[0] - 0.5) * step, 0.0)
        right = min((piece[-1] + 0.5) * step, WIDTH)
        parts.append(
            f"<rect x='{left:.1f}' y='0' width='{right - left:.1f}' height='{HEIGHT}' "
            f"fill='var(--{'c1' if value > 0 else 'c0'})' fill-opacity='{0.75 * abs(value) / most:.2f}'/>"
        )
    return parts


def _level(value: float, scale: Scale) -> float:
    """How far down a value lies: the highest near the top, the lowest near the bottom, a constant in the middle."""
    share = (value - scale.low) / (scale.high - scale.low) if scale.high > scale.low else 0.5
    return 2 + (HEIGHT - 4) * (1 - min(max(share, 0.0), 1.0))


def _svg(parts: Sequence[str], label: str, width: int = WIDTH) -> str:
    text = escape(label, quote=True)
    return f"<svg viewBox='0 0 {width} {HEIGHT}' role='img' aria-label='{text}'>{''.join(parts)}</svg>"
