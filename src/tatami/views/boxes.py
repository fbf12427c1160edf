"""Boxes in a light axonometric projection, and the colours of the layers: the parts of a network's drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from tatami.network.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    DepthwiseConv,
    Dropout,
    GlobalAveragePool,
    Input,
    Layer,
    LayerNorm,
    LocalResponseNorm,
    Merge,
    Pool,
    Shape,
    Softmax,
)

# kind -> its name in the legend, light colour, dark colour
KINDS: dict[str, tuple[str, str, str]] = {
    "input": ("input", "#b9b4a6", "#7d796f"),
    "conv": ("convolution", "#e2ab4f", "#c48f3a"),
    "depthwise": ("depthwise convolution", "#b7b557", "#94943f"),
    "pool": ("pooling", "#cb6a4e", "#bb5f46"),
    "fc": ("fully connected", "#5b8cc0", "#4f7fb3"),
    "join": ("join", "#6fa26f", "#5f9161"),
    "activation": ("activation", "#2f7f86", "#4fa3a8"),
    "norm": ("normalisation", "#8d6cab", "#9a7ab8"),
    "dropout": ("dropout", "#8c8a86", "#a5a29b"),
    "other": ("other", "#a89b8c", "#8b8072"),
    "lump": ("several layers", "#d2cdbf", "#57534a"),
}

_KIND_OF: tuple[tuple[type[Layer] | tuple[type[Layer], ...], str], ...] = (
    (Input, "input"),
    (DepthwiseConv, "depthwise"),
    (Conv, "conv"),
    ((Pool, GlobalAveragePool), "pool"),
    (Dense, "fc"),
    (Merge, "join"),
    ((Activation, Softmax), "activation"),
    ((BatchNorm, LayerNorm, LocalResponseNorm), "norm"),
    (Dropout, "dropout"),
)

LARGEST = 112.0  # pixels: the side of the largest map
BAND = 2.6  # thickness of an element-wise layer
_LEAST = 5.0
_FLAT = 5.0  # height of a ribbon


def kind_of(layer: Layer) -> str:
    """The key of a layer's colour."""
    return next((kind for types, kind in _KIND_OF if isinstance(layer, types)), "other")


@dataclass(frozen=True)
class Size:
    """A box in pixels: thickness (depth), height, and how far its back lies to the right and up (width)."""

    thick: float
    high: float
    right: float
    up: float


def size_of(shape: Shape, largest: int) -> Size:
    """The box of a shape. ``largest`` is the longest side of any map of the network.

    Sides grow with the square root of positions, thickness with the logarithm of the depth. A vector is a thin bar, as
    high as its logarithm; a signal is a flat ribbon, as long as it lasts.
    """
    *spatial, depth = shape
    if not spatial:
        return Size(5, min(LARGEST, 10 + 6.6 * math.log2(depth + 1)), 3.5, 2.5)
    sides = [_LEAST + (LARGEST - _LEAST) * math.sqrt(min(1.0, side / largest)) for side in spatial]
    if len(spatial) == 1:
        return Size(5 + 3.4 * math.log2(depth + 1), _FLAT, 0.5 * sides[0], 0.62 * sides[0])
    return Size(2 + 1.55 * math.log2(depth + 1), sides[-2], 0.34 * sides[-1], 0.25 * sides[-1])


def box(x: float, axis: float, size: Size, kind: str, bands: tuple[list[str], list[str]], title: str) -> str:
    """A box.

    Args:
        x: of its left edge.
        axis: the height of its middle.
        size: the box; bands come on top of its thickness.
        kind: its colour.
        bands: colours of the thin edges in front of and behind it.
        title: what the pointer over it shows.
    """
    before, after = bands
    foot = axis + (size.high + size.up) / 2
    parts = []
    left = x
    for colour, wide in [*((k, BAND) for k in before), (kind, size.thick), *((k, BAND) for k in after)]:
        if not wide:
            continue
        front = _path((left, foot), (wide, 0), (0, -size.high), (-wide, 0))
        top = _path((left, foot - size.high), (size.right, -size.up), (wide, 0), (-size.right, size.up))
        parts.append(f'<path class="tn-f k-{colour}" d="{front}"/><path class="tn-t k-{colour}" d="{top}"/>')
        left += wide
    side = _path((left, foot), (size.right, -size.up), (0, -size.high), (-size.right, size.up))
    parts.append(f'<path class="tn-s k-{kind}" d="{side}"/>')
    return f'<g class="tn-block"><title>{escape(title)}</title>{"".join(parts)}</g>'


def _path(start: tuple[float, float], *moves: tuple[float, float]) -> str:
    return f"M{start[0]:.1f} {start[1]:.1f}" + "".join(f"l{dx:.1f} {dy:.1f}" for dx, dy in moves) + "z"


def style(kinds: list[str]) -> str:
    """The style sheet for these kinds, for light and dark pages."""
    light = "".join(f".k-{kind}{{--k:{KINDS[kind][1]}}}" for kind in kinds)
    dark = "".join(f".k-{kind}{{--k:{KINDS[kind][2]}}}" for kind in kinds)
    return (
        f"{light}@media (prefers-color-scheme:dark){{{dark}}}"
        ".tatami-net{font:9.5px system-ui,sans-serif}.tatami-net text{fill:currentColor}"
        ".tn-f,.tn-t,.tn-s{stroke:#0006;stroke-width:.5;stroke-linejoin:round}"
        ".tn-f{fill:var(--k)}.tn-t{fill:color-mix(in srgb,var(--k) 72%,#fff)}"
        ".tn-s{fill:color-mix(in srgb,var(--k) 80%,#000)}"
        ".tn-line,.tn-arc{fill:none;stroke:currentColor;stroke-width:1.2;stroke-opacity:.45}"
        ".tn-arc{stroke:var(--k);stroke-width:1.6;stroke-opacity:1}"
        ".tn-sign{fill:var(--k);stroke:#0006;stroke-width:.5}.tn-ring{fill:none;stroke:var(--k);stroke-width:2}"
        ".tn-mark{stroke:#fff;stroke-width:1.6;fill:none}.tn-run{fill:currentColor;fill-opacity:.055}"
        ".tatami-net .tn-count{font-weight:700;font-size:11px}.tn-key{fill:var(--k);stroke:#0006;stroke-width:.5}"
    )
