"""The figures of a data set's health as rows of text, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from tatami.views.health_values import HealthValues, SplitValues
from tatami.views.numbers import bytes_text

MAX_CHANNELS = 3  # whose mean and std are shown; --format json has all
QUANTILES = ("lowest", "1%", "25%", "median", "75%", "99%", "highest")

Row = tuple[str, ...]


def title(health: HealthValues) -> str:
    """``digits: images of 28x28x1, uint8``."""
    return f"{health.name}: {health.kind}s of {'x'.join(map(str, health.shape))}, {health.dtype}"


def split_rows(health: HealthValues) -> tuple[Row, list[Row]]:
    """Headings and rows: a figure a row, a split a column."""
    return ("", *(split.name for split in health.splits)), [
        ("samples", *(f"{split.samples:,}" for split in health.splits)),
        ("size", *(bytes_text(split.bytes) for split in health.splits)),
        ("values", *map(_range, health.splits)),
        ("mean", *(_listed(split.mean) for split in health.splits)),
        ("std", *(_listed(split.std) for split in health.splits)),
    ]


def class_rows(health: HealthValues) -> tuple[Row, list[Row]]:
    """Headings and rows: a class a row, a split a column; no rows in a regression."""
    rows = [(name, *(f"{split.counts[i]:,}" for split in health.splits)) for i, name in enumerate(health.classes)]
    return ("class", *(split.name for split in health.splits)), rows


def target_rows(health: HealthValues) -> tuple[Row, list[Row]]:
    """Headings and rows: a target of a split a row; no rows in a classification."""
    rows = [
        (f"{target.name}, {split.name}", *(f"{value:.4g}" for value in (*target.quantiles, target.mean, target.std)))
        for split in health.splits
        for target in split.targets
    ]
    return ("target", *QUANTILES, "mean", "std"), rows


def _range(split: SplitValues) -> str:
    return "-" if split.low is None or split.high is None else f"{split.low:.4g} to {split.high:.4g}"


def _listed(values: Sequence[float]) -> str:
    shown = " ".join(f"{value:.4g}" for value in values[:MAX_CHANNELS])
    return (shown + (" ..." if len(values) > MAX_CHANNELS else "")) or "-"
