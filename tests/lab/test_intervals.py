"""Confidence, and what statements and conclusions make of it."""

import numpy as np
import pytest
from scipy import stats

from tatami.lab.intervals import exact, interval, paired
from tatami.views.experiment import Conclusion, Statement


def test_an_interval_is_that_of_students_t():
    values = [0.7, 0.9, 0.8, 0.95]
    found = interval(values)
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))

    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), low, high))


def test_it_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    found = [interval(list(rng.normal(3.0, 2.0, 5))) for _ in range(2000)]

    assert np.mean([one.low < 3.0 < one.high for one in found]) == pytest.approx(0.95, abs=0.02)


def test_pairs_are_compared_seed_by_seed():
    first, second = [0.5, 0.7, 0.9], [0.4, 0.6, 0.8]

    assert paired(first, second).low == pytest.approx(0.1)
    assert interval(first).low < interval(second).high  # which alone would not tell them apart


def test_one_value_decides_nothing_unless_it_is_exact():
    assert Statement("it grows", interval([5.0])).holds is None
    assert Statement("it grows", exact(5.0)).holds is True
    assert str(interval([5.0])) == "5 (one value)"


@pytest.mark.parametrize(
    ("values", "side", "bound", "holds"),
    [
        ([1.0, 1.1, 0.9], "above", 0.0, True),
        ([1.0, 1.1, 0.9], "below", 0.0, False),
        ([1.0, 1.1, 0.9], "above", 2.0, False),
        ([1.0, -1.0, 0.5], "above", 0.0, None),
        ([1.0, 1.1, 0.9], "below", 2.0, True),
    ],
)
def test_a_statement_holds_where_the_whole_interval_lies_on_its_side(values, side, bound, holds):
    assert Statement("claimed", interval(values), side, bound).holds is holds


def test_equality_is_not_more():
    assert Statement("more", exact(0.0)).holds is False


def test_equality_in_all_draws_leaves_it_open():
    assert Statement("more", interval([0.0, 0.0])).holds is None


@pytest.mark.parametrize(
    ("held", "verdict"),
    [
        ((1.0, 2.0), "holds"),
        ((1.0, -1.0), "holds partly"),
        ((-1.0, -2.0), "does not hold here"),
    ],
)
def test_the_verdict(held, verdict):
    statements = tuple(Statement("claimed", exact(value)) for value in held)

    assert Conclusion(statements).verdict == verdict


def test_the_verdict_where_figures_are_open():
    open_one = Statement("claimed", interval([1.0, -1.0]))

    assert Conclusion((open_one,)).verdict == "not decided here"
    assert Conclusion((open_one, Statement("claimed", exact(1.0)))).verdict == "holds partly"
    assert Conclusion((open_one, Statement("claimed", exact(-1.0)))).verdict == "does not hold here"
