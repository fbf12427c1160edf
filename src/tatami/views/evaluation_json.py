"""An evaluation as plain JSON types, for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tatami.views.evaluation import Evaluation


def evaluation_json(found: Evaluation) -> dict[str, Any]:
    """All figures; of the worst errors names and classes, without their pictures.

    A classification has the keys ``split``, ``accuracy``, ``correct``, ``total``, ``loss`` and ``confusion`` (rows are
    true classes) that others rely on; a regression has ``r2``, ``rmse`` and ``mae`` in place of those of classes.
    """
    values: dict[str, Any] = {"split": found.split, "total": found.total, "loss": found.loss}
    if found.classes is not None:
        classes = found.classes
        values |= {
            "accuracy": classes.accuracy,
            "correct": classes.correct,
            "confusion": classes.matrix(),
            "classes": [asdict(each) for each in classes.classes],
            "macro": {"precision": classes.precision, "recall": classes.recall, "f1": classes.f1},
            "top5": classes.top5,
            "calibration": None if classes.calibration is None else asdict(classes.calibration),
        }
    if found.targets is not None:
        fitted = found.targets
        targets = [{"name": t.name, "rmse": t.rmse, "mae": t.mae, "r2": t.r2} for t in fitted.targets]
        values |= {"r2": fitted.r2, "rmse": fitted.rmse, "mae": fitted.mae, "targets": targets}
    values["samples_per_second"] = found.samples_per_second
    values["worst"] = [
        {"sample": w.name, "true": w.true, "predicted": w.predicted, "probability": w.probability} for w in found.worst
    ]
    return values
