import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.views.chart import Curve, line_chart, ticks

VALUES = st.floats(-1e6, 1e6)


@given(VALUES, VALUES)
def test_ticks_span_the_values_in_round_steps(a: float, b: float) -> None:
    low, high = min(a, b), max(a, b)
    marks = ticks(low, high)
    assert 2 <= len(marks) <= 9
    step = marks[1] - marks[0]
    assert marks[0] <= low + 1e-6 * step
    assert marks[-1] >= high - 1e-6 * step
    assert round(step / 10 ** math.floor(math.log10(step) + 1e-9), 6) in (1, 2, 5, 10)


def test_no_points_no_chart() -> None:
    assert line_chart([Curve("loss", []), Curve("other", [(0, math.nan)])], "step", "loss") == ""


def test_a_curve_is_well_formed_and_inside_the_picture() -> None:
    curves = [Curve("training <loss>", [(i, 2 / (i + 1)) for i in range(2000)]), Curve("one point", [(5, 1.0)])]
    root = ElementTree.fromstring(line_chart(curves, "step", "loss"))
    lines = root.findall("polyline")
    points = [tuple(map(float, p.split(","))) for line in lines for p in line.get("points", "").split()]
    assert len(lines) == 2
    assert len(points) <= 2 * 600
    assert all(0 <= x <= 480 and 0 <= y <= 260 for x, y in points)
    assert points[0][1] < points[100][1]  # a falling loss falls: y grows downwards
    assert any(text.text == "training <loss>" for text in root.findall("text"))


@pytest.mark.parametrize("value", [0.0, 3.25, -7.0])
def test_a_flat_curve(value: float) -> None:
    assert "polyline" in line_chart([Curve("flat", [(0, value), (1, value)])], "step", "loss")
