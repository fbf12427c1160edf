"""The rows that tables of an evaluation have in common."""

from __future__ import annotations

from tatami.views.evaluation import ClassFigures, Evaluation

CLASS_HEADINGS = ("class", "precision", "recall", "F1", "samples", "predicted")
TARGET_HEADINGS = ("target", "RMSE", "MAE", "R2")


def class_row(figures: ClassFigures) -> tuple[str, ...]:
    """One class under :data:`CLASS_HEADINGS`; a figure that has nothing to be taken of is a dash."""
    return (
        figures.name,
        f"{figures.precision:.4f}" if figures.predicted else "-",
        f"{figures.recall:.4f}" if figures.support else "-",
        f"{figures.f1:.4f}" if figures.support or figures.predicted else "-",
        f"{figures.support:,}",
        f"{figures.predicted:,}",
    )


def target_rows(found: Evaluation) -> list[tuple[str, ...]]:
    """The targets under :data:`TARGET_HEADINGS`."""
    targets = found.targets.targets if found.targets is not None else ()
    return [(each.name, f"{each.rmse:.4g}", f"{each.mae:.4g}", f"{each.r2:.4f}") for each in targets]


def summary(found: Evaluation) -> list[tuple[str, str]]:
    """Names and values of the figures over all samples, beside that of the result."""
    rows: list[tuple[str, str]] = []
    if found.classes is not None:
        classes = found.classes
        rows.append(("loss", f"{found.loss:.4f}"))
        if classes.top5 is not None:
            rows.append(("top-5 accuracy", f"{classes.top5:.4f}"))
        for name in ("precision", "recall", "f1"):
            rows.append((f"macro {name}".replace("f1", "F1"), f"{getattr(classes, name):.4f}"))
        if classes.calibration is not None:
            rows.append(("calibration error", f"{classes.calibration.error:.4f}"))
    if found.targets is not None:
        rows += [("loss, standardised", f"{found.loss:.4f}"), ("MAE", f"{found.targets.mae:.4g}")]
    if found.samples_per_second is not None:
        rows.append(("inference", f"{found.samples_per_second:,.0f} samples a second"))
    return rows
