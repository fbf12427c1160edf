"""An evaluation as comma-separated values: one class, or one target, a line."""

from __future__ import annotations

from tatami.views.evaluation import Evaluation
from tatami.views.plan_csv import csv_text

CLASS_HEADINGS = ("class", "precision", "recall", "f1", "support", "predicted")
TARGET_HEADINGS = ("target", "rmse", "mae", "r2")


def evaluation_csv(found: Evaluation) -> str:
    """Plain numbers under :data:`CLASS_HEADINGS`, or under :data:`TARGET_HEADINGS` for a regression."""
    if found.targets is not None:
        rows = [(each.name, each.rmse, each.mae, each.r2) for each in found.targets.targets]
        return csv_text(TARGET_HEADINGS, rows)
    classes = found.classes.classes if found.classes is not None else ()
    return csv_text(CLASS_HEADINGS, [(c.name, c.precision, c.recall, c.f1, c.support, c.predicted) for c in classes])
