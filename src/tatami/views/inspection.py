"""What an inspection found, as values: the views turn them into a page, a picture or a file of arrays.

Letters: N samples, H and W pixels, L time steps, C channels or units, F window sizes, K filters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tatami.views.page import framed

Values: TypeAlias = NDArray[np.floating[Any]]
Raw: TypeAlias = NDArray[Any]
Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """What a layer answered to one sample.

    Attributes:
        layer: its name.
        keyword: its kind, as the notation writes it.
        values: all units, (H, W, C), (L, C) or (C,).
        names: of the units, where they have names: classes or targets.
    """

    layer: str
    keyword: str
    values: Values
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Attribution:
    """Which part of a sample a score depends on, by one method.

    Attributes:
        method: its key in :data:`tatami.views.inspect_methods.METHODS`.
        values: of the sample's shape, or without its channels.
        layer: whose maps were looked at, where the method looks at one layer's.
    """

    method: str
    values: Values
    layer: str = ""


@dataclass(frozen=True)
class UnitField:
    """The part of a sample that one unit sees where it answers most.

    Attributes:
        layer, unit: which.
        position: where in the layer's map; empty for a unit without positions.
        value: its activation there.
        spans: (start, stop) in input steps along each axis; what lies outside the sample is padding.
    """

    layer: str
    unit: int
    position: tuple[int, ...]
    value: float
    spans: tuple[Span, ...]


@dataclass(frozen=True, eq=False)
class InspectedSample:
    """One sample, and what the network makes of it.

    Attributes:
        name: a file or a row.
        raw: as read, brought to the network's shape: (H, W, C), uint8 or floats, or (L, C).
        ranked: all classes with their probabilities, the likeliest first; or the targets of a regression, predicted.
        target: the class or target whose score the attributions explain.
        maps: of every layer that is shown.
        attributions: of the target's score.
        seen: what the chosen unit sees, if one was.
    """

    name: str
    raw: Raw
    ranked: tuple[tuple[str, float], ...]
    target: str
    maps: tuple[LayerMaps, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    seen: UnitField | None = None


@dataclass(frozen=True, eq=False)
class FilterBank:
    """The filters of a layer.

    Attributes:
        layer: its name.
        values: (F, F, C, K) or (F, C, K); of a layer that reads the input without windows, the input's shape and K.
        first: whether they look at the input itself.
    """

    layer: str
    values: Values
    first: bool


@dataclass(frozen=True)
class UnitStatistics:
    """How the units of a layer answered to many samples.

    Attributes:
        layer, keyword: which.
        units: how many it has.
        dead: those that never answered; None where the layer's units cannot be dead.
        saturated: the share of answers at a bound of the activation; None where it has none.
        zeros: the share of answers that are 0.
        mean, sd: of all answers.
    """

    layer: str
    keyword: str
    units: int
    dead: tuple[int, ...] | None
    saturated: float | None
    zeros: float
    mean: float
    sd: float


@dataclass(frozen=True)
class GradientSize:
    """How large the gradients at a layer are, as root mean squares over the samples; None where there are none."""

    layer: str
    keyword: str
    activations: float | None
    weights: float | None


@dataclass(frozen=True, eq=False)
class PatchView:
    """A piece of a sample at which a unit answered strongly.

    Attributes:
        sample: its name.
        label: its class; the empty text where none is known.
        value: the activation.
        raw: the piece, (h, w, C) or (l, C), as read.
        spans: (start, stop) of the piece along each axis of the sample.
    """

    sample: str
    label: str
    value: float
    raw: Raw
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class UnitPatches:
    """The pieces at which a unit answered most strongly, the strongest first."""

    layer: str
    unit: int
    patches: tuple[PatchView, ...]


@dataclass(frozen=True, eq=False)
class EmbeddingView:
    """Samples as points: those that lie near one another look alike to the last hidden layer.

    Attributes:
        method: ``pca`` or ``tsne``.
        points: (N, 2).
        labels: (N,), indices into ``classes``; None where the samples have no classes.
        classes: their names.
    """

    method: Literal["pca", "tsne"]
    points: Values
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """Everything on the page.

    Attributes:
        title: the run and what was inspected.
        notation: the network's text.
        kind: what the samples are.
        outputs: names of the classes or targets, in the network's order.
        facts: name and value of what is known of run and data, the most important first.
        samples: one after another.
        filters: of every layer that has some and is shown.
        units, gradients: one a layer.
        patches: of the most active units.
        embeddings: one a method.
        regression: whether the samples' ``ranked`` are predicted values of targets rather than probabilities.
        over: the samples behind units, patches and embeddings, in words.
        units_shown: of each layer, the most units that the page shows; None for all.
        notes: lines of plain text: what was left out, and why.
    """

    title: str
    notation: str
    kind: Literal["image", "signal"]
    outputs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    samples: tuple[InspectedSample, ...] = ()
    filters: tuple[FilterBank, ...] = ()
    units: tuple[UnitStatistics, ...] = ()
    gradients: tuple[GradientSize, ...] = ()
    patches: tuple[UnitPatches, ...] = ()
    embeddings: tuple[EmbeddingView, ...] = ()
    regression: bool = False
    over: str = ""
    units_shown: int | None = None
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        from tatami.views.inspect_html import inspection_html

        return framed(self.title, inspection_html(self))
