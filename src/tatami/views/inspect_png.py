"""An inspection as one picture: for each sample the input, what its score depends on, and every layer's maps.

Letters: H and W pixels, L time steps, C channels or units.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tatami.views.inspect_embedding import COLOURS
from tatami.views.inspect_methods import METHODS
from tatami.views.inspect_pixels import PALETTE, Scale, mosaic, sample_image
from tatami.views.inspection import (
    Attribution,
    EmbeddingView,
    FilterBank,
    InspectedSample,
    Inspection,
    LayerMaps,
    Values,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Draw: TypeAlias = Callable[[Axes], None]
    Cell: TypeAlias = tuple[str, Draw]

ACROSS = 6  # charts in a row: as many as a sample and its attributions take
SIDE = 2.6  # inches of one chart
DPI = 110
CHARTS = 240  # of one picture: programs refuse those that are too high
UNITS = 64
"""Units of a layer that are drawn unless all are."""

MARKERS = "osD^Pvh"
NAME = 24  # characters of a sample's name: the end of a path tells most
NAMED = 12  # classes: of more, no list of names fits


def inspection_png(found: Inspection) -> bytes:
    """The bytes of a PNG."""
    from matplotlib.figure import Figure

    cells = [cell for sample in found.samples for cell in _sample(sample, found)]
    cells += [_filters(bank) for bank in found.filters if bank.first]
    cells += [_embedding(each) for each in found.embeddings]
    title = found.title
    if len(cells) > CHARTS:
        title += f": the first {CHARTS} of {len(cells)} charts; --layers and --sample choose"
        del cells[CHARTS:]
    down = max(-(-len(cells) // ACROSS), 1)
    figure = Figure(figsize=(SIDE * ACROSS, SIDE * down), dpi=DPI, layout="constrained")
    figure.suptitle(title, parse_math=False)
    places = list(figure.subplots(down, ACROSS, squeeze=False).flat)
    for place, (name, draw) in zip(places, cells, strict=False):
        place.set_title(name, fontsize="small", parse_math=False)
        draw(place)
    for place in places[len(cells) :]:
        place.set_axis_off()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in letters that the font has not
        figure.savefig(file, format="png")
    return file.getvalue()


def _sample(sample: InspectedSample, found: Inspection) -> Iterator[Cell]:
    name, value = sample.ranked[0]
    said = f"{name} = {value:.4g}" if found.regression else f"{name} ({value:.3f})"
    yield f"{sample.name[-NAME:]}: {said}", lambda place: _raw(place, sample)
    for attribution in sample.attributions:
        yield METHODS[attribution.method].title, _attributed(sample, attribution)
    units = None if found.units_shown is None else UNITS
    for maps in sample.maps:
        yield f"{maps.layer} {maps.keyword}", _maps(maps, units)


def _raw(place: Axes, sample: InspectedSample) -> None:
    if sample.raw.ndim == 2:
        place.plot(sample.raw, linewidth=1)
        return
    place.imshow(np.asarray(sample_image(sample.raw)), cmap="gray", vmin=0, vmax=255)
    place.set_axis_off()


def _attributed(sample: InspectedSample, found: Attribution) -> Draw:
    values = METHODS[found.method].flat(found.values, sample.raw.ndim - 1)
    return (lambda place: _picture(place, values)) if values.ndim == 2 else (lambda place: _curves(place, values))


def _maps(found: LayerMaps, units: int | None) -> Draw:
    values = found.values[..., :units]
    if values.ndim == 3:
        return lambda place: _picture(place, mosaic(values))
    return (lambda place: _curves(place, values)) if values.ndim == 2 else (lambda place: _bars(place, values))


def _filters(bank: FilterBank) -> Cell:
    """Each filter by its own largest magnitude, as on the page."""
    *_, channels, count = bank.values.shape
    most = np.abs(bank.values).max(axis=tuple(range(bank.values.ndim - 1)))
    scaled = bank.values / np.where(most > 0, most, 1)
    if bank.values.ndim == 3:
        return f"filters of {bank.layer}", lambda place: _curves(place, scaled.reshape(len(scaled), -1))
    if channels == 3:
        colours = np.stack([mosaic(scaled[:, :, c]) for c in range(3)], axis=-1)
        shown = (colours + 1) / 2
        return f"filters of {bank.layer}", lambda place: _colours(place, shown)
    laid = mosaic(scaled.reshape(*scaled.shape[:2], channels * count))
    return f"filters of {bank.layer}", lambda place: _picture(place, laid)


def _embedding(found: EmbeddingView) -> Cell:
    def draw(place: Axes) -> None:
        labels = np.zeros(len(found.points), np.int64) if found.labels is None else found.labels
        for i in np.unique(labels):
            x, y = found.points[labels == i].T
            name = None if found.labels is None else found.classes[i]
            place.scatter(x, y, s=8, color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)], label=name)
        place.set_xticks([])
        place.set_yticks([])
        if found.labels is not None and len(found.classes) <= NAMED:
            place.legend(fontsize="xx-small")

    return f"embedding, {found.method}", draw


def _picture(place: Axes, values: Values) -> None:
    """A map (H, W): grey, or blue and red about 0."""
    from matplotlib.colors import ListedColormap

    scale = Scale.of(values)
    low = -scale.most if scale.signed else 0.0
    cmap = ListedColormap(PALETTE / 255) if scale.signed else "gray"
    image = place.imshow(values, cmap=cmap, vmin=low, vmax=scale.most or 1.0, interpolation="nearest")
    place.figure.colorbar(image, ax=place, shrink=0.8)
    place.set_axis_off()


def _colours(place: Axes, values: Values) -> None:
    """A picture (H, W, 3) from 0 to 1; white where there is none."""
    place.imshow(np.nan_to_num(values, nan=1.0), interpolation="nearest")
    place.set_axis_off()


def _curves(place: Axes, values: Values) -> None:
    """Values over the steps, (L,) or (L, C)."""
    place.plot(values, linewidth=0.8)


def _bars(place: Axes, values: Values) -> None:
    """A vector (C,)."""
    place.bar(range(len(values)), values)
