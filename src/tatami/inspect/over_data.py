"""What an inspection shows of a network over many samples of its data, as the values of its views.

Letters: N samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from tatami.data import Split
from tatami.errors import DataError
from tatami.inspect.embedding import Method, embedding
from tatami.inspect.patches import Patch, top_patches_of_units
from tatami.inspect.subject import Subject
from tatami.inspect.units import LayerUnits
from tatami.network.layers import Conv
from tatami.train.run import Identity
from tatami.views.inspection import EmbeddingView, PatchView, UnitPatches, UnitStatistics

ACTIVE, PATCHES = 3, 8
"""Units of each CONV, and pieces of each unit, that are shown."""


def statistics(found: Mapping[str, LayerUnits], layers: Sequence[str]) -> Iterator[UnitStatistics]:
    """The layers' statistics without what only the patches need."""
    for name in layers:
        row = found[name]
        yield UnitStatistics(name, row.keyword, row.units, row.dead, row.saturated, row.sparsity, row.mean, row.sd)


def patches(
    subject: Subject, split: Split, identity: Identity, found: Mapping[str, LayerUnits], layers: Sequence[str]
) -> Iterator[UnitPatches]:
    """For each CONV the pieces that its most active units, those of the largest answer, answer to most."""
    active = {
        name: np.argsort(-found[name].largest, kind="stable")[:ACTIVE].tolist()
        for name in layers
        if isinstance(subject.network[name].layer, Conv)
    }
    for (layer, unit), pieces in top_patches_of_units(subject, split, active, PATCHES).items():
        yield UnitPatches(layer, unit, tuple(_piece(split, identity, piece) for piece in pieces))


def _piece(split: Split, identity: Identity, piece: Patch) -> PatchView:
    raw = np.asarray(split.x[piece.index])[tuple(slice(*span) for span in piece.field)]
    return PatchView(split.name_of(piece.index), _label(split, identity, piece.index), piece.value, raw, piece.field)


def embeddings(
    subject: Subject, split: Split, identity: Identity, *, tsne: bool
) -> tuple[tuple[EmbeddingView, ...], list[str]]:
    """The samples as points, by PCA and where it is wanted by t-SNE; and why one of them is not shown."""
    x = subject.prepare(np.asarray(split.x[:]))
    labels = None if split.y is None or identity.standard is not None else split.y.astype(np.int64)
    methods: tuple[Method, ...] = ("pca", "tsne") if tsne else ("pca",)
    found, missing = [], []
    for method in methods:
        try:
            found.append(EmbeddingView(method, embedding(subject, x, method), labels, identity.classes))
        except DataError as error:
            missing.append(f"no embedding by {method}: {error}")
    return tuple(found), missing


def _label(split: Split, identity: Identity, row: int) -> str:
    if split.y is None or identity.standard is not None:
        return ""
    return identity.classes[int(split.y[row])]
