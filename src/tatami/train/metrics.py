"""What a model makes of labelled samples: its output, the mean loss, and how fast.

Letters: N samples, K outputs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data import Preprocess, Split
from tatami.engines import Model

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scored:
    """What a model made of a split: the mean loss, its output (N, K), and how fast, preprocessing included."""

    loss: float
    scores: Array
    samples_per_second: float


def score(model: Model, split: Split, preprocess: Preprocess) -> Scored:
    """Score ``split`` in inference mode, batch by batch. Samples of another shape are adapted as for prediction.

    The first of several batches is not timed: it makes ready what the others use.

    Args:
        model: any.
        split: samples and labels; those of a regression standardised.
        preprocess: of the samples.

    Raises:
        DataError: samples that cannot be brought to the shape of the network.
    """
    if split.y is None:
        raise ValueError("a split without labels cannot be evaluated")
    total = len(split)
    loss, parts = 0.0, []
    seconds: list[tuple[int, float]] = []
    for part in _parts(total, model.batch):
        began = time.perf_counter()
        mean, scores = model.score(prepared(preprocess, split, part), split.y[part])
        seconds.append((len(scores), time.perf_counter() - began))
        loss += mean * len(scores)
        parts.append(scores)
    timed = seconds[1:] or seconds
    speed = sum(count for count, _ in timed) / max(sum(taken for _, taken in timed), 1e-9)
    return Scored(loss / total, np.concatenate(parts), speed)


def prepared(preprocess: Preprocess, split: Split, part: slice) -> NDArray[np.float32]:
    """The samples of a part of a split, ready for the network."""
    raw = split.x[part]
    if raw.shape[1:] != preprocess.shape:
        rows = range(part.start, part.start + len(raw))
        raw = np.stack([preprocess.adapt(x, split.name_of(row)) for x, row in zip(raw, rows, strict=True)])
    return preprocess(raw)


def _parts(total: int, batch: int) -> Iterator[slice]:
    for start in range(0, total, batch):
        yield slice(start, min(start + batch, total))
