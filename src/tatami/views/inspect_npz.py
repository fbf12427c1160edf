"""An inspection as arrays by name, for a NumPy file: see docs/inspect.md for the names.

Letters: N inspected samples, M samples of the data.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.views.inspection import Inspection

Named = tuple[str, NDArray[Any]]


def inspection_npz(found: Inspection) -> bytes:
    """The bytes of the file. It holds numbers and texts only: ``numpy.load`` reads it without pickle."""
    file = io.BytesIO()
    arrays: dict[str, Any] = inspection_arrays(found)
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def inspection_arrays(found: Inspection) -> dict[str, NDArray[Any]]:
    """Every array by its name."""
    arrays = {"network": np.array(found.notation), "notes": np.array(found.notes, dtype=np.str_)}
    arrays |= dict(_of_samples(found))
    arrays |= {f"weights.{bank.layer}": bank.values for bank in found.filters}
    arrays |= dict(_of_data(found))
    return arrays


def _of_samples(found: Inspection) -> Iterator[Named]:
    """What there is of each sample, stacked: first axis N."""
    samples = found.samples
    if not samples:
        return
    yield "names", np.array([sample.name for sample in samples])
    yield "input", np.stack([sample.raw for sample in samples])
    yield "classes", np.array(found.outputs)
    yield "outputs", np.array([[dict(sample.ranked)[name] for name in found.outputs] for sample in samples])
    yield "targets", np.array([sample.target for sample in samples])
    for i, maps in enumerate(samples[0].maps):
        yield f"activations.{maps.layer}", np.stack([sample.maps[i].values for sample in samples])
    for i, attribution in enumerate(samples[0].attributions):
        yield attribution.method, np.stack([sample.attributions[i].values for sample in samples])
    seen = [sample.seen for sample in samples if sample.seen is not None]
    if seen:
        unit = f"unit.{seen[0].layer}.{seen[0].unit}"
        yield f"{unit}.position", np.array([each.position for each in seen], np.int64)
        yield f"{unit}.activation", np.array([each.value for each in seen])
        yield f"{unit}.field", np.array([each.spans for each in seen], np.int64)


def _of_data(found: Inspection) -> Iterator[Named]:
    """What holds for the network over the data."""
    for row in found.units:
        if row.dead is not None:
            yield f"dead.{row.layer}", np.array(row.dead, np.int64)
    for size in found.gradients:
        for of, value in (("activations", size.activations), ("weights", size.weights)):
            if value is not None:
                yield f"gradient.{of}.{size.layer}", np.array(value)
    for unit in found.patches:
        name = f"patches.{unit.layer}.{unit.unit}"
        yield f"{name}.activation", np.array([patch.value for patch in unit.patches])
        yield f"{name}.field", np.array([patch.spans for patch in unit.patches], np.int64)
        yield f"{name}.sample", np.array([patch.sample for patch in unit.patches])
    for embedding in found.embeddings:
        yield f"embedding.{embedding.method}", embedding.points
        if embedding.labels is not None:
            yield "embedding.labels", embedding.labels
