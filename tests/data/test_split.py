"""Stratified splits: a partition, seeded, that starves no class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tatami.data import stratified_split
from tatami.errors import DataError, OptionError


@settings(max_examples=80, deadline=None)
@given(
    counts=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    fraction=st.floats(0, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_properties(counts: list[int], fraction: float, seed: int) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    if fraction and max(counts) < 2:
        with pytest.raises(DataError):
            stratified_split(y, fraction, seed)
        return
    train, validation = stratified_split(y, fraction, seed)
    assert train.dtype == validation.dtype == np.int64
    assert sorted([*train, *validation]) == list(range(len(y)))
    assert (np.diff(train) > 0).all()
    assert (np.diff(validation) > 0).all()
    assert set(y[train]) == set(y)
    assert (len(validation) > 0) == (fraction > 0)
    for label in range(len(counts)):
        if counts[label] == 1:
            assert label not in y[validation]
    again = stratified_split(y, fraction, seed)
    np.testing.assert_array_equal(again[1], validation)


def test_the_fraction_is_kept_in_every_class() -> None:
    y = np.repeat([0, 1, 2], [100, 200, 700])
    train, validation = stratified_split(y, 0.1, seed=3)
    assert np.bincount(y[validation]).tolist() == [10, 20, 70]
    assert len(train) == 900
    assert stratified_split(y, 0.1, seed=4)[1].tolist() != validation.tolist()


def test_tiny_data() -> None:
    y = np.repeat([0, 1], [24, 26])
    _, validation = stratified_split(y, 0.1, seed=0)
    assert len(validation) == 5
    assert set(y[validation]) == {0, 1}
    _, validation = stratified_split(np.arange(20) % 10, 0.1, seed=0)
    assert len(validation) == 10  # rounded up to a row for each class


def test_nothing_held_out() -> None:
    train, validation = stratified_split(np.array([0, 1, 2]), 0, seed=0)
    assert train.tolist() == [0, 1, 2]
    assert validation.tolist() == []


def test_errors() -> None:
    with pytest.raises(DataError) as caught:
        stratified_split(np.array([0, 1, 2]), 0.2, seed=0)
    assert str(caught.value) == (
        "cannot hold out validation data: no class has two samples; got 3 samples of 3 classes; "
        "expected at least two samples of some class (hint: use a validation fraction of 0)"
    )
    for fraction in (1, -0.1, float("nan")):
        with pytest.raises(OptionError, match=r"validation fraction out of range; got .*; expected 0 to less than 1"):
            stratified_split(np.array([0, 0, 1, 1]), fraction, seed=0)
    with pytest.raises(OptionError, match="seed out of range; got -1; expected 0 to 4294967295"):
        stratified_split(np.array([0, 0, 1, 1]), 0.5, seed=-1)
