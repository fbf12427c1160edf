"""The health of a data set as data."""

from __future__ import annotations

from typing import Any

from tatami.views.health_values import HealthValues, SplitValues

SCHEMA = "tatami.data/1"


def health_json(health: HealthValues) -> dict[str, Any]:
    """Plain JSON types. ``counts`` are in the order of ``classes``; ``low`` and ``high`` are null without a number."""
    return {
        "schema": SCHEMA,
        "name": health.name,
        "source": health.source,
        "kind": health.kind,
        "shape": list(health.shape),
        "dtype": health.dtype,
        "classes": list(health.classes),
        "targets": list(health.targets),
        "samples": health.samples,
        "splits": [_split(split) for split in health.splits],
        "imbalance": health.imbalance,
        "findings": [
            {"level": found.level, "kind": found.kind, "text": found.text, "names": list(found.names)}
            for found in health.findings
        ],
        "errors": health.errors,
        "warnings": health.warnings,
    }


def _split(split: SplitValues) -> dict[str, Any]:
    return {
        "name": split.name,
        "samples": split.samples,
        "bytes": split.bytes,
        "counts": list(split.counts),
        "targets": [
            {"name": target.name, "quantiles": list(target.quantiles), "mean": target.mean, "std": target.std}
            for target in split.targets
        ],
        "low": split.low,
        "high": split.high,
        "mean": list(split.mean),
        "std": list(split.std),
    }
