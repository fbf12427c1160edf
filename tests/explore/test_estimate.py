"""What jobs will take: measured trials by themselves, others by the line through the measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.explore.estimate import Estimate, line_through

POINTS = st.lists(st.tuples(st.integers(1, 10**9), st.floats(0.01, 1e3)), min_size=1, max_size=12)


def test_nothing_measured_takes_no_time() -> None:
    assert Estimate().seconds(0, 10**6, 60) == 0.0


def test_a_measured_trial_goes_on_as_fast_as_it_was() -> None:
    known = Estimate()
    known.learn(3, 1_000_000, 0.5, beside=2.0)
    known.learn(4, 3_000_000, 0.9, beside=4.0)
    known.learn(5, 2_000_000, 0.7, beside=3.0)
    assert known.seconds(3, 1_000_000, 10) == pytest.approx(0.5 * 10 + 3.0)
    assert known.seconds(9, 5_000_000, 10, jobs=2) == pytest.approx((0.3 + 0.2 * 5) * 10 + 2 * 3.0)


@given(POINTS)
def test_the_line_is_that_of_least_squares_or_the_nearest_without_negative_numbers(
    points: list[tuple[int, float]],
) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    height, slope = line_through(xs, ys)
    assert height >= -1e-9
    assert slope >= 0
    if len(set(xs)) > 1:
        by_numpy = np.polyfit(np.array(xs, float), ys, 1)
        if by_numpy[0] > 1e-9 and by_numpy[1] > 1e-6:
            assert slope == pytest.approx(by_numpy[0], rel=1e-3)
            assert height == pytest.approx(by_numpy[1], rel=1e-2, abs=1e-3)


@given(POINTS, st.integers(0, 10**9))
def test_more_macs_never_take_less_time(points: list[tuple[int, float]], macs: int) -> None:
    known = Estimate()
    for trial, (x, y) in enumerate(points):
        known.learn(trial, x, y)
    assert known.seconds(99, macs, 1) <= known.seconds(99, 2 * macs, 1) + 1e-9
