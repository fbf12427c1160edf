"""Some samples of each class to look at: small pictures as PNG in ``data:`` addresses, and curves of signals.

Letters: N samples, H and W pixels, L time steps, C channels.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tatami.data.dataset import Array, Dataset, Split
from tatami.data.health_finding import sample_name

EACH = 8
"""Samples of each class."""

MAX_GALLERIES = 40
"""Classes that are shown: a page of all of many would be too large to open."""

SIDE = 64
"""Longest side of a picture in pixels; smaller ones stay as they are."""

MAX_POINTS, MAX_CURVES = 200, 6
"""Points of a curve, and curves of a signal."""


@dataclass(frozen=True)
class Shown:
    """One sample: either a picture, as an address that holds it, or curves, one a channel."""

    name: str
    picture: str = ""
    curves: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Gallery:
    """Samples under a heading: a class, or the target by whose value they are sorted."""

    title: str
    samples: tuple[Shown, ...]


def galleries(dataset: Dataset) -> tuple[Gallery, ...]:
    """Training samples: of a classification some of each class, of a regression some from the lowest target up."""
    return tuple(_galleries(dataset))


def _galleries(dataset: Dataset) -> Iterator[Gallery]:
    split = dataset.train
    if split.y is None:
        return
    if dataset.is_regression:
        rows = _spread(np.argsort(split.y[:, 0], kind="stable"), 2 * EACH)
        values = [f"{dataset.targets[0]} = {split.y[row, 0]:g}" for row in rows]
        yield Gallery(f"from the lowest {dataset.targets[0]} to the highest", _shown(dataset, split, rows, values))
        return
    for label, name in enumerate(dataset.classes[:MAX_GALLERIES]):
        rows = _spread(np.flatnonzero(split.y == label), EACH)
        yield Gallery(name, _shown(dataset, split, rows, [""] * len(rows)))


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """At most ``count`` of the rows, from the first to the last, equally far apart."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(np.int64)]


def _shown(dataset: Dataset, split: Split, rows: NDArray[np.int64], remarks: list[str]) -> tuple[Shown, ...]:
    samples = []
    for row, remark in zip(rows, remarks, strict=True):
        name = sample_name("train", split, int(row)) + (f": {remark}" if remark else "")
        x = np.asarray(split.x[row])
        if dataset.kind == "image":
            samples.append(Shown(name, picture=picture_address(x)))
        else:
            samples.append(Shown(name, curves=_curves(x)))
    return tuple(samples)


def picture_address(image: Array) -> str:
    """An image (H, W, C), uint8 or float, as the address of a PNG of at most :data:`SIDE` pixels a side.

    Floats are stretched from their lowest value, black, to their highest, white. Of other depths than 1 and 3 the
    first channel is shown.
    """
    pixels = image if image.shape[-1] == 3 else image[..., 0]
    if pixels.dtype != np.uint8:
        pixels = _stretched(pixels)
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _stretched(values: Array) -> NDArray[np.uint8]:
    values = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255 / (high - low) if high > low else 0.0)).round().astype(np.uint8)


def _curves(signal: Array) -> tuple[tuple[float, ...], ...]:
    """The first channels of a signal (L, C), every so many steps where it is long; values to four digits."""
    steps = _spread(np.arange(len(signal)), MAX_POINTS)
    return tuple(
        tuple(float(f"{value:.4g}") for value in signal[steps, c]) for c in range(min(signal.shape[1], MAX_CURVES))
    )
