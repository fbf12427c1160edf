"""Stratified splits: a partition, seeded, that starves no class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tatami.data import Split, stratified_split
from tatami.data.split import hold_out
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
        "expected at least two samples of some class (hint: --validation 0 holds none out)"
    )
    for fraction in (1, -0.1, float("nan")):
        with pytest.raises(OptionError, match=r"validation fraction out of range; got .*; expected 0 to less than 1"):
            stratified_split(np.array([0, 0, 1, 1]), fraction, seed=0)
    with pytest.raises(OptionError, match="seed out of range; got -1; expected 0 to 4294967295"):
        stratified_split(np.array([0, 0, 1, 1]), 0.5, seed=-1)


def grouped(y: list[float] | list[int], groups: list[int]) -> Split:
    regression = isinstance(y[0], float)
    labels = np.array(y, np.float32)[:, None] if regression else np.array(y, np.int64)
    return Split(np.zeros((len(y), 2, 1), np.float32), labels, groups=np.array(groups, np.int64))


@settings(max_examples=60, deadline=None)
@given(
    groups=st.lists(st.integers(0, 7), min_size=8, max_size=60),
    fraction=st.floats(0.05, 0.6),
    seed=st.integers(0, 2**32 - 1),
    regression=st.booleans(),
)
def test_groups_are_never_parted(groups: list[int], fraction: float, seed: int, regression: bool) -> None:
    y = np.random.default_rng(seed).integers(0, 2, len(groups)).tolist()
    split = grouped([float(value) for value in y] if regression else y, groups)
    try:
        training, validation = hold_out(split, fraction, seed)
    except DataError:
        # Only where no choice of groups leaves each class a sample, or there is one group.
        assert len(set(groups)) == 1 or not regression
        return
    assert sorted([*training, *validation]) == list(range(len(groups)))
    assert len(validation) > 0
    assert not {groups[row] for row in training} & {groups[row] for row in validation}
    if not regression:
        assert {y[row] for row in training} == set(y)
    np.testing.assert_array_equal(hold_out(split, fraction, seed)[1], validation)


def test_a_class_of_one_group_cannot_lose_it() -> None:
    split = grouped([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 4, 4])
    training, validation = hold_out(split, 0.2, 0)
    assert 4 in training
    assert 5 in training
    assert len(validation) == 1
    with pytest.raises(DataError, match="whatever groups are held out, a class has none left for training"):
        hold_out(grouped([0, 0, 1, 1], [0, 0, 1, 1]), 0.5, 0)
    with pytest.raises(DataError, match="all samples are of one group; expected at least two groups"):
        hold_out(grouped([0, 0, 1, 1], [5, 5, 5, 5]), 0.5, 0)


def test_targets_are_held_out_at_random() -> None:
    split = grouped([float(n) for n in range(10)], list(range(10)))
    split = Split(split.x, split.y)
    training, validation = hold_out(split, 0.25, 1)
    assert (len(training), len(validation)) == (7, 3)
    assert sorted([*training, *validation]) == list(range(10))
    assert validation.tolist() != hold_out(split, 0.25, 2)[1].tolist()


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.4, 0.75, 0.9])
@pytest.mark.parametrize("regression", [False, True])
def test_groups_meet_the_fraction(fraction: float, regression: bool) -> None:
    groups = np.repeat(np.arange(100), 4)
    y = np.arange(400) % 2
    split = grouped([float(value) for value in y] if regression else y.tolist(), groups.tolist())
    held = len(hold_out(split, fraction, 0)[1]) / 400
    assert held == pytest.approx(fraction, abs=0.03)
