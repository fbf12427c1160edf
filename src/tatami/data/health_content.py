"""Findings about what samples hold: NaN, nothing but one value, channels that never vary, images in negative.

Letters: N samples, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tatami.data.dataset import Dataset, Split
from tatami.data.health_finding import Finding, counted, finding, sample_name
from tatami.data.health_measure import Measured
from tatami.data.preprocess import Preprocess

NEAR = 0.1
"""A sample is nearly constant when no channel of it spreads over more than this share of the channel's std in train."""

_FAR = 1.0  # std from the mean, from where Preprocess.tone is asked, which itself tells of images further off


def content_findings(dataset: Dataset, measured: Sequence[Measured]) -> Iterator[Finding]:
    """What is to be said about the values.

    Args:
        dataset: the data set.
        measured: its splits, in their order; the first is the training split.
    """
    train = measured[0]
    for (name, split), found in zip(dataset.splits(), measured, strict=True):
        yield from _not_finite(dataset.kind, name, split, found)
    if train.finite.any():
        yield from _still_channels(train)
        for (name, split), found in zip(dataset.splits(), measured, strict=True):
            yield from _constant(dataset.kind, name, split, found, train)
            if dataset.kind == "signal":
                yield from _flat_channels(name, split, found, train)
            else:
                yield from _negatives(name, split, found, train)


def _not_finite(kind: str, name: str, split: Split, found: Measured) -> Iterator[Finding]:
    bad = np.flatnonzero(~found.finite)
    if bad.size:
        text = counted(bad.size, f"{kind} of {name} holds", f"{kind}s of {name} hold")
        yield finding(
            "error", "not finite", f"{text} NaN or infinity", (sample_name(name, split, int(row)) for row in bad)
        )


def _still_channels(train: Measured) -> Iterator[Finding]:
    still = np.flatnonzero(train.still)
    if still.size:
        text = counted(still.size, "channel never varies", "channels never vary")
        yield finding(
            "warning",
            "constant channel",
            f"{text} in train",
            (f"channel {channel}: {train.mean[channel]:g} throughout" for channel in still),
        )


def _constant(kind: str, name: str, split: Split, found: Measured, train: Measured) -> Iterator[Finding]:
    constant = np.flatnonzero(found.constant)
    if constant.size:
        text = counted(constant.size, f"{kind} of {name} is", f"{kind}s of {name} are")
        yield finding(
            "warning",
            "constant",
            f"{text} constant",
            (f"{sample_name(name, split, int(row))}: {_values(found.means[row])} throughout" for row in constant),
        )
    faint = (found.spreads <= NEAR * train.std).all(axis=1) & found.finite & ~found.constant
    near = np.flatnonzero(faint)
    if near.size:
        text = counted(near.size, f"{kind} of {name} is", f"{kind}s of {name} are")
        yield finding(
            "note", "nearly constant", f"{text} nearly constant", (sample_name(name, split, int(row)) for row in near)
        )


def _flat_channels(name: str, split: Split, found: Measured, train: Measured) -> Iterator[Finding]:
    """Signals of which some channels, but not all, stand still although they vary elsewhere: a sensor that was off."""
    flat = (found.spreads == 0) & ~train.still & found.finite[:, np.newaxis] & ~found.constant[:, np.newaxis]
    rows = np.flatnonzero(flat.any(axis=1))
    if rows.size:
        text = counted(rows.size, f"signal of {name} has", f"signals of {name} have")
        yield finding(
            "warning",
            "flat channel",
            f"{text} a channel that stands still",
            (f"{sample_name(name, split, int(row))}: channel {int(flat[row].argmax())}" for row in rows),
        )


def _negatives(name: str, split: Split, found: Measured, train: Measured) -> Iterator[Finding]:
    if split.x.dtype != np.uint8 or train.still.any():
        return
    scale = 1 / 255
    preprocess = Preprocess(
        "image",
        tuple(int(size) for size in split.x.shape[1:]),
        scale,
        tuple(float(value * scale) for value in train.mean),
        tuple(float(value * scale) for value in train.std),
    )
    far = (np.abs(found.means - train.mean) > _FAR * train.std).all(axis=1)
    tones = {int(row): preprocess.tone(split.x[row]) for row in np.flatnonzero(far)}
    for tone in ("brighter", "darker"):
        rows = [row for row, found_tone in tones.items() if found_tone == tone]
        if rows:
            text = counted(len(rows), f"image of {name} is", f"images of {name} are")
            yield finding(
                "note",
                "tone",
                f"{text} much {tone} than those of train, perhaps {'a negative' if len(rows) == 1 else 'negatives'}",
                (sample_name(name, split, int(row)) for row in rows),
            )


def _values(means: np.ndarray) -> str:
    return ", ".join(f"{value:g}" for value in means[:4]) + (", ..." if len(means) > 4 else "")
