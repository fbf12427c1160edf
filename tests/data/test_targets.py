"""Labels as classes or as targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tatami.data.targets import as_targets, means_targets, written_labels
from tatami.errors import DataError


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0, 1, 2], False),
        ([0.0, 1.0], False),
        ([0.0, 1.5], True),
        ([0.5, np.nan], True),
        ([1.0, np.nan, np.inf], False),
        (["0.5", "1.5"], False),
        ([[1.0], [2.0]], False),
        ([[1.0], [2.5]], True),
        ([[1.0, 2.0], [3.0, 4.0]], True),
        ([[1.0, 0.0], [0.0, 1.0]], False),
        ([[1, 2], [3, 4]], False),
    ],
)
def test_auto(y: Any, expected: bool) -> None:
    labels = [(np.array(y), "y")]
    assert means_targets(labels, "auto") is expected
    assert means_targets(labels, "regression") is True
    assert means_targets(labels, "classification") is False


def test_auto_looks_at_all_splits() -> None:
    whole, half, text = np.array([1.0]), np.array([0.5]), np.array(["a"])
    assert means_targets([(whole, "train"), (half, "test")], "auto")
    assert not means_targets([(half, "train"), (text, "test")], "auto")


@pytest.mark.parametrize("y", [[1, 2], [1.0, 2.0], ["1", " 2e0"], [b"1", b"2"], [[1], [2]], [True, 2]])
def test_targets_are_float32_columns(y: Any) -> None:
    np.testing.assert_array_equal(as_targets(np.array(y), "y"), np.array([[1], [2]], np.float32), strict=True)


def test_several_targets() -> None:
    targets = as_targets(np.arange(6.0).reshape(3, 2), "y")
    assert (targets.dtype, targets.shape) == (np.float32, (3, 2))


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1.0, np.nan], "f, y, row 1: a target that is not a finite number in float32; got nan; expected a number"),
        ([1.0, 1e99], "f, y, row 1: a target that is not a finite number in float32; got 1e+99; expected a number"),
        (
            [[1.0, 2.0], [3.0, np.inf]],
            "f, y, row 1, target 1: a target that is not a finite number in float32; got inf",
        ),
        (["1", "two"], "f, y, row 1: a target that is not a finite number in float32; got 'two'; expected a number"),
        ([[[1.0]]], "f, y: targets of a wrong rank; got (1, 1, 1); expected (N,) or (N, T)"),
        (np.empty((2, 0)), "f, y: targets of a wrong rank; got (2, 0)"),
        ([1j], "f, y: targets of this dtype are not read; got complex128; expected numbers"),
    ],
)
def test_refused(y: Any, expected: str) -> None:
    with pytest.raises(DataError) as caught:
        as_targets(np.array(y), "f, y")
    assert str(caught.value).startswith(expected)


def test_whole_numbers_are_names_in_the_order_of_their_values() -> None:
    ys, classes = written_labels([np.array(["10", "2.0", "-1"]), np.array(["2"])], "auto")
    assert classes is not None
    assert classes.tolist() == ["-1", "2", "10"]
    assert [y.tolist() for y in ys] == [["10", "2", "-1"], ["2"]]


def test_names_stay() -> None:
    for task in ("auto", "classification", "regression"):
        ys, classes = written_labels([np.array(["b", "1"])], task)  # type: ignore[arg-type]
        assert ys[0].tolist() == ["b", "1"]
        assert classes is None


def test_written_numbers_that_look_measured_are_targets() -> None:
    fractions = [np.array(["0.5", "1"])]
    ys, classes = written_labels(fractions, "auto")
    assert ys[0].tolist() == [0.5, 1.0]
    assert classes is None
    ys, classes = written_labels(fractions, "classification")
    assert ys[0].tolist() == ["0.5", "1"]
    assert classes is not None
    many = [np.arange(30).astype(str)]
    assert written_labels(many, "auto")[0][0].dtype == np.float64
    assert written_labels(many, "classification")[0][0].dtype.kind == "U"
    assert written_labels([np.array(["1", "2"])], "regression")[0][0].tolist() == [1.0, 2.0]
