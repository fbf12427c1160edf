"""The reliability diagram of a report: how often a prediction of some confidence is right."""

from __future__ import annotations

from tatami.views.chart import Frame, bar, diagonal, ticks
from tatami.views.evaluation import Bin, Calibration


def calibration_html(found: Calibration) -> str:
    """The diagram, and the expected calibration error."""
    filled = sum(each.count > 0 for each in found.bins)
    return (
        "<h2>Calibration</h2>"
        f"<p>Expected calibration error {found.error:.4f}: by so much confidence and accuracy differ on the average. "
        "Bars below the dashed line are predictions surer than they are right.</p>"
        f"<div class=charts><figure><figcaption>Accuracy by confidence</figcaption>{_diagram(found)}</figure></div>"
        f"<p class=small>{len(found.bins)} bins, {filled} of them with samples; the fainter a bar, the fewer they are. "
        "Guo et al. 2017, On Calibration of Modern Neural Networks.</p>"
    )


def _diagram(found: Calibration) -> str:
    marks = ticks(0, 1)
    frame = Frame("confidence", "accuracy", marks, marks, 1.0)
    most = max(each.count for each in found.bins)
    bars = [
        bar(frame, each.low, each.high, each.accuracy, _title(each), 0.25 + 0.65 * (each.count / most) ** 0.5)
        for each in found.bins
        if each.count
    ]
    return frame.svg([*bars, diagonal(frame, 0, 1)])


def _title(each: Bin) -> str:
    samples = f"{each.count:,} sample{'s' * (each.count != 1)}"
    return f"{samples} of mean confidence {each.confidence:.3f}: {each.accuracy:.3f} of them right"
