"""An evaluation as a picture: the curves of the training, and the confusion matrix or predicted against true."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tatami.views.chart import Curve
from tatami.views.confusion import Matrix, cut
from tatami.views.evaluation import Evaluation, Fitted, result_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE = 5.0  # inches of one chart
DPI = 120
_MARKED = 15  # classes: of more, the cells have no numbers


def evaluation_png(charts: Sequence[tuple[str, Sequence[Curve]]], found: Evaluation | None, title: str) -> bytes:
    """The bytes of a PNG.

    Args:
        charts: name of the value and its curves over the steps; those without a point are left out.
        found: the evaluation, if there is one.
        title: plain text.
    """
    from matplotlib.figure import Figure

    drawn = [(name, [curve for curve in curves if curve.points]) for name, curves in charts]
    drawn = [(name, curves) for name, curves in drawn if curves]
    results = [] if found is None else [found]
    count = max(len(drawn) + len(results), 1)
    figure = Figure(figsize=(SIDE * count, SIDE), dpi=DPI, layout="constrained")
    figure.suptitle(title, parse_math=False)
    axes = list(figure.subplots(1, count, squeeze=False)[0])
    for place, (name, curves) in zip(axes, drawn, strict=False):
        for curve in curves:
            place.plot(*zip(*curve.points, strict=True), label=curve.name)
        place.set(xlabel="step", ylabel=name)
        place.legend()
    for place, result in zip(axes[len(drawn) :], results, strict=False):
        place.set_title(result_text(result), fontsize="medium")
        if result.classes is not None:
            _draw_confusion(place, cut(result.classes))
        elif result.targets is not None:
            _draw_points(place, result.targets)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a name in letters that the font has not
        figure.savefig(file, format="png")
    return file.getvalue()


def _draw_confusion(place: Axes, matrix: Matrix) -> None:
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix.rows]
    place.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    marks = range(len(matrix.names))
    place.set_xticks(marks, matrix.names, rotation=90, fontsize="small", parse_math=False)
    place.set_yticks(marks, matrix.names, fontsize="small", parse_math=False)
    place.set(xlabel="predicted", ylabel="true")
    if matrix.note:
        place.set_xlabel(f"predicted\n{matrix.note}", fontsize="small")
    if len(matrix.names) <= _MARKED:
        for i, row in enumerate(matrix.rows):
            for j, count in enumerate(row):
                if count:
                    colour = "white" if shares[i][j] > 0.5 else "black"
                    place.text(j, i, str(count), ha="center", va="center", color=colour, fontsize="small")


def _draw_points(place: Axes, fitted: Fitted) -> None:
    """The first target: they have different units."""
    target = fitted.targets[0]
    if target.points:
        true, predicted = zip(*target.points, strict=True)
        place.plot(true, predicted, ".", alpha=0.5)
        place.axline((true[0], true[0]), slope=1, color="grey", linestyle="--")
    place.set_xlabel(f"true {target.name}", parse_math=False)
    place.set_ylabel(f"predicted {target.name}", parse_math=False)
