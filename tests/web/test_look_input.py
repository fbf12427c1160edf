"""From what the page sends to a sample, and from a layer's output to what is drawn."""

import numpy as np
import pytest

from tatami.data import load_sample
from tatami.web.look_frame import quantised
from tatami.web.look_input import BOX, centre


def test_a_drawing_is_prepared_as_the_digits_of_mnist_were() -> None:
    drawing = np.zeros((112, 112, 1), np.uint8)
    drawing[4:44, 90:100] = 255  # a tall bar at the upper right
    picture = centre(drawing, (28, 28, 1))
    rows, columns = (np.flatnonzero(picture[..., 0].any(axis=axis)) for axis in (1, 0))
    assert len(rows) == 20  # the box
    assert len(columns) == 5  # the aspect ratio, 4 to 1
    mass = picture[..., 0].astype(float)
    places = np.arange(28) + 0.5
    assert (mass.sum(1) @ places) / mass.sum() == pytest.approx(14, abs=0.5)
    assert (mass.sum(0) @ places) / mass.sum() == pytest.approx(14, abs=0.5)


def test_real_digits_stay_where_they_are_when_centred() -> None:
    """The samples were prepared so: doing it again moves and scales them by a pixel at most."""
    split = load_sample("digits").test
    assert split is not None
    for digit in split.x[:50]:
        again = centre(digit, (28, 28, 1))
        for axis in (0, 1):
            was, now = (np.flatnonzero(x[..., 0].any(axis=axis)) for x in (digit, again))
            assert abs(int(was[0]) - int(now[0])) <= 2
            assert len(now) <= round(BOX * 28)


def test_nothing_drawn_is_black() -> None:
    assert not centre(np.zeros((56, 56, 1), np.uint8), (28, 28, 1)).any()


def test_values_without_an_end_are_drawn_as_the_ends() -> None:
    maps = quantised("fc", np.array([np.nan, -np.inf, 1, 2, np.inf], np.float32))
    assert (maps.low, maps.high) == (1, 2)
    assert maps.values.tolist() == [0, 0, 0, 255, 255]


def test_a_constant_map_is_all_of_its_value() -> None:
    maps = quantised("relu", np.full((2, 2, 1), 3, np.float32))
    assert (maps.low, maps.high, maps.values.max()) == (3, 3, 0)
