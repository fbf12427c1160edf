"""An embedding as a drawing: samples as marks whose shape and colour tell the class.

Letters: N samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import numpy as np

from tatami.views.inspection import EmbeddingView, Values

WIDTH, HEIGHT, EDGE = 480, 400, 12

COLOURS = (
    *("#3f74b5", "#d9822b", "#c94c4c", "#3f9a96", "#5a9e4b"),
    *("#b8952b", "#9a64a8", "#d86f8d", "#8f6a51", "#808080"),
)
"""One a class, again from the first after ten; readable on light and on dark."""

SHAPES = (
    "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0",  # disc
    "m-3 -3h6v6h-6z",  # square
    "m0 -4l4 7h-8z",  # triangle
    "m0 -4l4 4l-4 4l-4 -4z",  # diamond
    "m-3.5 -1h2.5v-2.5h2v2.5h2.5v2h-2.5v2.5h-2v-2.5h-2.5z",  # plus
    "m0 4l4 -7h-8z",  # triangle, upside down
    "m-4 -1.5h8v3h-8z",  # bar
)
"""One a class, again from the first after seven: together with the colours, 70 classes look different."""

TITLES = {
    "pca": "PCA: the two directions in which the samples differ most",
    "tsne": "t-SNE: neighbours stay neighbours; distances between groups mean little",
}


def embedding_html(found: EmbeddingView) -> str:
    """The drawing, and which mark stands for which class."""
    groups = list(_groups(found))
    marks = "".join(f"<path d='{path}' fill='{COLOURS[i % len(COLOURS)]}' fill-opacity='.8'/>" for i, _, path in groups)
    label = f"{len(found.points)} samples as points, by {found.method}"
    drawn = f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label='{label}'>{marks}</svg>"
    keys = "".join(_key(i, name) for i, name, _ in groups if name)
    return (
        f"<figure class=embedding><figcaption>{TITLES[found.method]}</figcaption>{drawn}"
        f"<ul class=keys>{keys}</ul></figure>"
    )


def _groups(found: EmbeddingView) -> Iterator[tuple[int, str, str]]:
    """For each class that has samples: its number, its name, and all its marks as one path."""
    placed = _placed(found.points)
    labels = np.zeros(len(placed), np.int64) if found.labels is None else found.labels
    for i in np.unique(labels):
        name = "" if found.labels is None else found.classes[i]
        shape = SHAPES[i % len(SHAPES)]
        yield int(i), name, "".join(f"M{x:.1f} {y:.1f}{shape}" for x, y in placed[labels == i])


def _placed(points: Values) -> Values:
    """The points in the drawing: one scale for both axes, as distances are what counts."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = np.array([WIDTH - 2 * EDGE, HEIGHT - 2 * EDGE])
    extent = (high - low).astype(np.float64)
    factor = min((r / e for r, e in zip(room, extent, strict=True) if e > 0), default=1.0)
    centred = (points - (low + high) / 2) * factor
    placed: Values = centred * np.array([1, -1]) + np.array([WIDTH, HEIGHT]) / 2
    return placed


def _key(i: int, name: str) -> str:
    mark = f"<path d='M6 6{SHAPES[i % len(SHAPES)]}' fill='{COLOURS[i % len(COLOURS)]}'/>"
    drawing = f"<svg viewBox='0 0 12 12' aria-hidden='true' style='width:.9rem;height:.9rem'>{mark}</svg>"
    return f"<li>{drawing} {escape(name)}</li>"
