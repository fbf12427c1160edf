"""One length for all series."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.data.lengths import equal_lengths
from tatami.errors import DataError

HINT = "(hint: --length longest pads with zeros, --length shortest crops, --length N does both)"


def series(*lengths: int, channels: int = 1) -> list[Any]:
    return [np.arange(1, n * channels + 1, dtype=np.float32).reshape(n, channels) for n in lengths]


def error_of(xs: Any, length: Any = None) -> str:
    with pytest.raises(DataError) as caught:
        equal_lengths(xs, length)
    return str(caught.value)


def test_arrays_pass() -> None:
    images, signals = np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 5, 1), np.float32)
    for length in (None, "longest", "shortest", 3):
        (x,), notes = equal_lengths([(images, "x")], length)  # type: ignore[arg-type]
        assert x is images
        assert notes == ()
    (x,), notes = equal_lengths([(signals, "x")], None)
    assert x is signals
    assert notes == ()


def test_equal_series_are_stacked() -> None:
    (x,), notes = equal_lengths([(series(3, 3, channels=2), "x")], None)
    np.testing.assert_array_equal(x, np.stack(series(3, 3, channels=2)), strict=True)
    assert notes == ()
    assert equal_lengths([(series(3, 3), "x")], "longest")[1] == ()


def test_unequal_series_are_refused() -> None:
    assert error_of([(series(4, 2, 7, 2), "a.ts"), (series(3), "b.ts")]) == (
        "a.ts: series of unequal lengths; got 2 steps (row 1) to 7 steps (row 2); "
        f"expected one length, or a word on what to do {HINT}"
    )
    assert "got 3 steps (row 0 of b.ts) to 4 steps (row 0)" in error_of([(series(4, 4), "a.ts"), (series(3), "b.ts")])


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=6), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.data()
)
def test_brought_to_one_length(train: list[int], test: list[int], data: st.DataObject) -> None:
    length = data.draw(st.sampled_from(["longest", "shortest", 1, 5, 12]))
    steps = {"longest": max(train), "shortest": min(train)}.get(str(length), length)
    brought, notes = equal_lengths([(series(*train, channels=2), "train"), (series(*test, channels=2), "test")], length)  # type: ignore[arg-type]
    for x, lengths in zip(brought, (train, test), strict=True):
        assert x.shape == (len(lengths), steps, 2)
        assert x.dtype == np.float32
        for row, before in zip(x, series(*lengths, channels=2), strict=True):
            kept = min(len(before), steps)
            np.testing.assert_array_equal(row[:kept], before[:kept])
            assert not row[kept:].any()
    assert bool(notes) == ({*train, *test} != {steps})


def test_signals_that_are_an_array() -> None:
    signals = np.arange(10, dtype=np.float32).reshape(2, 5, 1)
    (x,), notes = equal_lengths([(signals, "x")], 3)
    assert x[..., 0].tolist() == [[0, 1, 2], [5, 6, 7]]
    assert notes == ("series of 5 steps are cropped to 3",)
    (x, other), notes = equal_lengths([(signals, "x"), (signals[:, :4], "y")], "longest")
    assert x is signals
    assert other[..., 0].tolist() == [[0, 1, 2, 3, 0], [5, 6, 7, 8, 0]]
    assert notes == ("series of 4 to 5 steps are padded with zeros to 5",)


@pytest.mark.parametrize(
    ("length", "note"),
    [
        ("longest", "series of 2 to 1,000 steps are padded with zeros to 1,000"),
        ("shortest", "series of 2 to 1,000 steps are cropped to 2"),
        (5, "series of 2 to 1,000 steps are padded with zeros or cropped to 5"),
    ],
)
def test_notes(length: Any, note: str) -> None:
    assert equal_lengths([(series(2, 1000), "x")], length)[1] == (note,)


def test_refused() -> None:
    assert error_of([([], "x")]) == "x: no samples at all; got 0 series; expected at least one"
    assert error_of([(series(2, 0), "x")], "longest") == (
        "x, row 1: a series without a step; got (0, 1); expected (L, C), L from 1"
    )
    mixed = series(2) + series(2, channels=3)
    assert (
        error_of([(mixed, "x")]) == "x, row 1: a series of another number of channels; got 3; expected 1, as in row 0"
    )


def test_a_length_beyond_reason_allocates_nothing() -> None:
    assert error_of([(series(3, 4), "x")], 999_999_999_999) == (
        "x: series padded to this length would be more data than tatami reads; got 1,999,999,999,998 values; "
        "expected at most 2,147,483,648 values (hint: the longest series has 4 steps)"
    )
