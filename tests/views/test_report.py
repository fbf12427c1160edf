"""The page of a run, its parts, and the other forms of an evaluation."""

import csv
import io
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tatami.network import find_network
from tatami.plan import make_plan
from tatami.train.classified import classify
from tatami.train.fitted import fit_figures
from tatami.views.chart import HEIGHT, WIDTH, Curve, histogram_chart, scatter_chart, ticks
from tatami.views.evaluation import Evaluation, WorstError
from tatami.views.evaluation_csv import evaluation_csv
from tatami.views.evaluation_json import evaluation_json
from tatami.views.evaluation_png import evaluation_png
from tatami.views.evaluation_table import evaluation_table
from tatami.views.inspection import FilterBank
from tatami.views.report import Report, report_html
from tatami.views.waveform import waveform_svg

EVIL = "<b>\"x\" & 'y'$"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
NET = "INPUT(8x8x1) -> CONV(4) -> RELU -> FC(3)"


def evaluation(classes: int = 3, samples: int = 300, names: list[str] | None = None) -> Evaluation:
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, samples)
    scores = np.exp(rng.normal(size=(samples, classes)) + 2.5 * np.eye(classes)[y])
    found = classify(y, scores / scores.sum(axis=1, keepdims=True), names or [f"class{i}" for i in range(classes)])
    worst = (
        WorstError("a.png", "class0", "class1", 0.98, picture=PIXEL),
        WorstError("b", "x", "y", 0.9, curves=((1, 2),)),
    )
    return Evaluation("test", samples, 0.25, classes=found, worst=worst, samples_per_second=1234.5)


def regression(targets: int = 2) -> Evaluation:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, targets))
    found = fit_figures(y, y + 0.1 * rng.normal(size=y.shape), [f"t{i}" for i in range(targets)])
    worst = (WorstError("row 3", "t0 1", "t0 2", curves=((0, 1, 0),)),)
    return Evaluation("test", 200, 0.01, targets=found, worst=worst)


def report(found: Evaluation | None, **changes: object) -> Report:
    made = Report(
        title="net on data",
        notation=NET,
        plan=make_plan(find_network(NET).build()),
        evaluation=found,
        facts=[("training", "finished")],
        curves=[Curve("training loss", [(1, 2.0), (2, 1.0)]), Curve("validation loss", [(2, 1.5)])],
        accuracy=Curve("validation accuracy", [(2, 0.8)]),
        rate=Curve("learning rate", [(1, 0.01), (2, 0.001)]),
        data=[("training", "1,000")],
        notes=["x.jpg: not a readable picture: left out"],
        origin=[("command", "tatami train"), ("seed", "7")],
        settings=[("batch", "64")],
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def figures_of(html: str) -> list[ElementTree.Element]:
    """Every drawing of a page, parsed: none is malformed."""
    found = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]
    assert len(found) == html.count("<svg")
    return found


def test_the_page_has_every_part_and_the_result_first() -> None:
    found = evaluation()
    html = report_html(report(found))
    assert found.classes is not None
    assert found.classes.calibration is not None
    in_order = [
        "<h1>net on data</h1>",
        f"<p class=result>test accuracy {found.classes.accuracy:.4f} ({found.classes.correct} of 300)</p>",
        *("Loss</figcaption>", "Validation accuracy</figcaption>", "Learning rate</figcaption>"),
        "<h2>What was taken for what</h2>",
        "<h2>Classes, the least recalled first</h2>",
        f"Expected calibration error {found.classes.calibration.error:.4f}",
        "<h2>Worst errors</h2>",
        "<h2>Data</h2>",
        "x.jpg: not a readable picture: left out",
        "<h2>Network</h2>",
        "<h2>Layers</h2>",
        "<h2>How it was made</h2>",
        "<td>tatami train</td>",
        "<h2>Settings</h2>",
    ]
    places = [html.index(part) for part in in_order]
    assert places == sorted(places)
    assert "predicted <b>class1</b> (0.9800)" in html
    assert f'<img src="{PIXEL}" alt="a.png">' in html
    assert len(figures_of(html)) == 3 + 1 + 1 + 1  # curves, calibration, one waveform, the network


def test_the_page_needs_nothing_else_and_runs_no_script() -> None:
    html = report_html(report(evaluation()))
    assert set(re.findall(r"https?://[^\"' ]+", html)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"<script|<link|@import|url\(|javascript:| on[a-z]+=", html)
    assert all(src.startswith('"data:') for src in re.findall(r"src=(\S+)", html))
    assert "prefers-color-scheme: dark" in html
    assert "width=device-width" in html


def test_no_name_reaches_the_page_unescaped() -> None:
    worst = (
        WorstError(EVIL, EVIL, EVIL, 0.5, picture='data:"><script>'),
        WorstError(EVIL, EVIL, EVIL, 0.5, curves=((1, 2), (2, 3))),
    )
    pair = [(EVIL, EVIL)]
    for found in (replace(evaluation(names=[EVIL, "b", "c"]), worst=worst), replace(regression(1), worst=worst)):
        if found.targets is not None:
            found = replace(
                found, targets=replace(found.targets, targets=(replace(found.targets.targets[0], name=EVIL),))
            )
        curve = Curve(EVIL, [(0, 1.0), (1, 2.0)])
        html = report_html(
            report(
                found,
                **{"title": EVIL, "notation": EVIL, "facts": pair, "curves": [curve], "data": pair, "notes": [EVIL]},
                **{"origin": pair, "settings": pair},
            )
        )
        assert '<b>"' not in html
        assert "<b>&quot;" not in html
        assert "<script" not in html
        assert html.count("&lt;b&gt;") >= 15
        for element in re.findall(r"<[^>]*(?:alt|aria-label)=[^>]*>", html):
            assert "'y'" not in element  # a quote of the name does not end the attribute
        figures_of(html)


def test_a_thousand_classes_stay_readable() -> None:
    html = report_html(report(evaluation(classes=1000, samples=5000)))
    assert len(html.encode()) < 1_500_000
    assert "25 of 1,000 classes: those with the most mistakes, made of or for them." in html
    assert "<th scope=col>all others</th>" in html
    assert html.count("<th scope=row>") == 25
    assert "<summary>the other 950 classes</summary>" in html
    assert "The most frequent mistakes" in html


def test_classes_come_by_recall_and_those_without_samples_last() -> None:
    p = np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.1, 0.9, 0]])
    found = Evaluation("test", 3, 0.1, classes=classify(np.array([0, 1, 1]), p, ["best", "half", "never"]))
    table = report_html(report(found)).split("<h2>Classes")[1]
    assert table.index("<td>half</td>") < table.index("<td>best</td>") < table.index("<td>never</td>")
    assert re.search(r"<td>half</td>(<td.*?</td>)(<td .*?50\.0%.*?>0\.5000</td>)", table)
    assert "<td>never</td><td>-</td><td>-</td><td>-</td><td>0</td><td>0</td>" in table


def test_a_run_that_was_not_tested_has_no_results() -> None:
    html = report_html(report(None))
    for absent in ("class=result", "taken for what", "Calibration", "Worst errors"):
        assert absent not in html.split("</style>")[-1]
    assert "Learning rate" in html


def test_a_regression_has_points_and_residuals() -> None:
    html = report_html(report(regression(), accuracy=Curve("validation accuracy", [])))
    assert re.search(r"<p class=result>test R2 0\.9\d{3}, RMSE 0\.\d+ \(200 samples\)</p>", html)
    assert "t1: predicted by true" in html
    assert "t1: residuals" in html
    assert "Validation accuracy" not in html
    assert "The largest errors" in html
    assert len(figures_of(html)) == 2 + 4 + 1 + 1


def test_of_many_targets_some_have_charts() -> None:
    html = report_html(report(regression(8)))
    assert "Charts of the first 6 of 8 targets." in html
    assert html.count("residuals</figcaption>") == 6
    assert "<td>t7</td>" in html


# --- charts ---


def test_points_and_bars_lie_in_the_picture() -> None:
    points = [(float(i), i * 1e-3) for i in range(50)]
    (path,) = ElementTree.fromstring(scatter_chart(points, "true", "predicted")).findall("path")
    places = [tuple(map(float, place.split())) for place in re.findall(r"M([\d. ]+)h0", path.get("d", ""))]
    assert len(places) == 50
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert places[0][0] < places[-1][0]

    bars = ElementTree.fromstring(histogram_chart([0, 1, 2, 3], [2, 0, 4], "error")).findall("rect")
    low, high = (float(rect.get("height", "")) for rect in bars)
    assert high == pytest.approx(2 * low, abs=0.2)
    assert bars[1].find("title").text == "2 to 3: 4"  # type: ignore[union-attr]
    assert scatter_chart([], "x", "y") == histogram_chart([], [], "x") == ""


@pytest.mark.parametrize(("low", "high"), [(1e-12, 5e-12), (1e20, 1e20), (-3e30, 2e30), (0.0, 1e-40), (1e6, 1e6 + 0.1)])
def test_marks_of_values_of_any_size(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert 2 <= len(marks) <= 9
    assert all(a < b for a, b in pairwise(marks))
    assert marks[0] <= low + 1e-9 * abs(low)
    assert marks[-1] >= high - 1e-9 * abs(high)


def test_a_waveform_rises_where_the_signal_does() -> None:
    root = ElementTree.fromstring(waveform_svg([[0, 1, 2], [5, 5, 5]], EVIL))
    assert root.get("aria-label") == EVIL
    up, flat = (
        [float(point.split(",")[1]) for point in line.get("points", "").split()] for line in root.findall("polyline")
    )
    assert up[0] > up[1] > up[2]
    assert len(set(flat)) == 1
    assert waveform_svg([], "x") == ""
    assert "polyline" in waveform_svg([[3.0]], "x")


# --- other forms ---


def test_csv_reads_back_as_plain_numbers() -> None:
    found = evaluation(names=['a, "b"', "c", "d"])
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(found))))
    assert found.classes is not None
    assert [row["class"] for row in rows] == found.classes.names
    assert [float(row["recall"]) for row in rows] == [each.recall for each in found.classes.classes]
    assert sum(int(row["support"]) for row in rows) == found.total
    rows = list(csv.DictReader(io.StringIO(evaluation_csv(regression()))))
    assert [row["target"] for row in rows] == ["t0", "t1"]
    assert 0.9 < float(rows[0]["r2"]) < 1


def test_json_keeps_the_keys_that_others_rely_on() -> None:
    found = evaluation()
    values = evaluation_json(found)
    assert found.classes is not None
    assert {key: values[key] for key in ("split", "accuracy", "correct", "total", "loss", "confusion")} == {
        "split": "test",
        "accuracy": found.classes.accuracy,
        "correct": found.classes.correct,
        "total": 300,
        "loss": 0.25,
        "confusion": found.classes.matrix(),
    }
    assert values["worst"][0] == {"sample": "a.png", "true": "class0", "predicted": "class1", "probability": 0.98}
    assert [each["name"] for each in evaluation_json(regression())["targets"]] == ["t0", "t1"]


def table_text(found: Evaluation) -> str:
    table = evaluation_table(found)
    assert table is not None
    console = Console(width=80, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_the_table_shows_names_as_they_are() -> None:
    text = table_text(evaluation(names=["[red]a[/red]", "b", "c"]))
    assert "[red]a[/red]" in text
    assert "recall" in text
    assert "t1" in table_text(regression())
    assert evaluation_table(regression(1)) is None  # the line says it all
    assert evaluation_table(evaluation(classes=21)) is None


@pytest.mark.parametrize("found", [evaluation(names=["$x^", "名前", "c"]), evaluation(40), regression(), None])
def test_a_png_is_a_picture(found: Evaluation | None) -> None:
    made = report(found)
    picture = Image.open(io.BytesIO(evaluation_png(made.charts, found, "$title_{")))
    picture.load()
    assert picture.format == "PNG"
    assert picture.size == (600 * (4 if found else 3), 600)


def test_the_filters_that_see_the_input_are_shown() -> None:
    assert "First filters" not in report_html(report(None))
    bank = FilterBank("conv1", np.ones((3, 3, 1, 70), np.float32), True)
    html = report_html(report(None, filters=bank))
    assert "3x3x1, the first 64 of 70 filters" in html
    assert html.count('alt="conv1, filter ') == 64
    figures_of(html)


def test_a_notebook_shows_the_whole_page_in_a_frame() -> None:
    made = report(evaluation(), title=EVIL)
    srcdoc = re.search(r'srcdoc="([^"]*)"', made._repr_html_())
    assert srcdoc is not None
    assert unescape(srcdoc[1]) == report_html(made)
