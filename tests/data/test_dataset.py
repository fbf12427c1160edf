"""What check lets through and what it says of the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tatami.data import Dataset, Split, check
from tatami.errors import DataError


def images(n: int = 4, *, dtype: str = "uint8") -> np.ndarray:
    return np.zeros((n, 5, 6, 1), dtype)


def labels(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def dataset(train: Split | None = None, test: Split | None = None) -> Dataset:
    usual = Split(images(), labels(0, 1, 2, 0))
    return Dataset("toy", "image", usual if train is None else train, test, ("cat", "dog", "猫"))


def error_of(data: Dataset) -> str:
    with pytest.raises(DataError) as caught:
        check(data, "toy.npz")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_good_data_pass_and_know_their_shape() -> None:
    data = dataset(test=Split(images(1), labels(2)))
    assert check(data, "toy.npz") is data
    assert data.sample_shape == (5, 6, 1)
    signals = Dataset("s", "signal", Split(np.zeros((2, 9, 3), np.float32), labels(0, 1)), None, ("a", "b"))
    assert check(signals, "s").sample_shape == (9, 3)


def test_ranks_and_sizes() -> None:
    x = np.zeros((4, 5, 6), np.uint8)
    assert error_of(dataset(Split(x, labels(0, 1, 2, 0)))) == (
        "toy.npz, x_train: wrong number of dimensions for images; got (4, 5, 6); expected (N, H, W, C)"
    )
    assert error_of(dataset(Split(images(0), labels()))) == (
        "toy.npz, x_train: no samples at all; got (0, 5, 6, 1); expected (N, H, W, C) with N of at least 1"
    )
    assert "samples without a single value" in error_of(dataset(Split(images()[:, :0], labels(0, 1, 2, 0))))
    assert error_of(dataset(test=Split(images(0), labels()))).startswith("toy.npz, x_test: no samples at all")


def test_dtypes() -> None:
    assert error_of(dataset(Split(images(dtype="int32"), labels(0, 1, 2, 0)))) == (
        "toy.npz, x_train: wrong dtype for images; got int32; expected uint8 or float32"
    )
    signals = Dataset("s", "signal", Split(np.zeros((2, 9, 3)), labels(0, 1)), None, ("a", "b"))
    assert "wrong dtype for signals; got float64; expected float32" in error_of(signals)
    assert "wrong dtype for labels; got int32" in error_of(
        dataset(Split(images(), labels(0, 1, 2, 0).astype(np.int32)))
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rows", [5, 3000])
def test_not_finite_names_the_array_and_the_first_row(value: float, rows: int) -> None:
    x = np.zeros((rows, 50, 50, 1), np.float32)
    y = np.arange(rows) % 3
    row = rows - 2
    x[row, 7, 1] = x[row, 3, 0] = x[row + 1] = value
    assert error_of(dataset(Split(x, y))) == (
        f"toy.npz, x_train, row {row}: a value that is NaN or infinite in float32; "
        f"got {value} (the first of 2 in this row)"
        "; expected finite numbers (hint: drop the row, or fill its gaps, before training)"
    )


def test_labels() -> None:
    assert error_of(dataset(Split(images(), labels(0, 1, 2)))) == (
        "toy.npz, y_train: x_train and y_train do not pair up; got 4 samples and labels of shape (3,); "
        "expected labels of shape (4,)"
    )
    assert error_of(dataset(Split(images(), labels(0, 1, 2, 3)))) == (
        "toy.npz, y_train, row 3: label out of range; got 3; expected 0 to 2, as there are 3 classes"
    )
    assert "y_test, row 0: label out of range; got -1" in error_of(dataset(test=Split(images(1), labels(-1))))
    assert (
        error_of(dataset(Split(images(), None)))
        == "toy.npz, x_train: samples without labels; expected labels in y_train"
    )


def test_an_empty_class_is_named() -> None:
    assert error_of(dataset(Split(images(), labels(0, 2, 2, 0)), Split(images(1), labels(2)))) == (
        "toy.npz, y_train: empty class 'dog': no training sample has label 1; got labels from 0 to 2; "
        "expected at least one sample of each of the 3 classes "
        "(hint: labels count from 0 without gaps; leave out classes that have no data)"
    )
    assert "empty class 'dog' and 1 more" in error_of(dataset(Split(images(), labels(0, 0, 0, 0))))


def test_a_label_that_only_the_test_split_has_is_the_test_splits_fault() -> None:
    assert error_of(dataset(Split(images(), labels(0, 2, 2, 0)), Split(images(3), labels(0, 2, 1)))) == (
        "toy.npz, y_test, row 2: a label that no training sample has; got 'dog'; expected one of "
        f"{', '.join(dataset().classes[i] for i in (0, 2))}, as in y_train"
    )


def test_no_samples_comes_before_too_few_classes() -> None:
    empty = Split(images(0), labels())
    assert "toy.npz, x_train: no samples at all" in error_of(replace(dataset(empty, None), classes=("0",)))


def test_classes() -> None:
    assert error_of(replace(dataset(), classes=("a", "b", "a"))) == (
        "toy.npz: two classes have one name; got 'a'; expected a name a class"
    )
    assert "too few classes to tell apart; got 1; expected at least 2" in error_of(replace(dataset(), classes=("a",)))


def test_the_test_split_must_be_like_the_training_split() -> None:
    assert error_of(dataset(test=Split(np.zeros((1, 6, 6, 1), np.uint8), labels(0)))) == (
        "toy.npz, x_test: test samples of another shape than the training samples; got (6, 6, 1); "
        "expected (5, 6, 1), as in x_train"
    )
    assert "of another dtype than the training samples; got float32; expected uint8, as in x_train" in error_of(
        dataset(test=Split(images(1, dtype="float32"), labels(0)))
    )
