"""The arithmetic of sliding windows against counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tatami.errors import NetworkError
from tatami.network.layers.windows import (
    MAX_LENGTH,
    Axis,
    Window,
    describe_unseen,
    make_window,
    need_exact_fit,
    need_same_axes,
    padding_per_axis,
    per_axis,
    same_padding,
)

AXES = st.builds(
    Axis,
    length=st.integers(1, 30),
    size=st.integers(1, 7),
    stride=st.integers(1, 7),
    dilation=st.integers(1, 5),
    before=st.integers(0, 9),
    after=st.integers(0, 9),
)


@given(AXES.filter(lambda axis: axis.span >= 0))
def test_the_output_is_the_number_of_positions_where_the_window_fits(axis: Axis) -> None:
    last = axis.length + axis.after - 1
    starts = [s for s in range(-axis.before, last + 1) if s + (axis.size - 1) * axis.dilation <= last]
    taken = starts[:: axis.stride]
    assert axis.output == len(taken)
    seen = {s + i * axis.dilation for s in taken for i in range(axis.size)}
    assert [i for first, end in axis.unseen() for i in range(first, end + 1)] == sorted(set(range(axis.length)) - seen)
    assert axis.left_over == last - (taken[-1] + (axis.size - 1) * axis.dilation)


@given(AXES.filter(lambda axis: axis.span < 0))
def test_a_window_that_fits_nowhere_has_no_output(axis: Axis) -> None:
    assert axis.output <= 0


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_tensorflows_same(length: int, size: int, stride: int, dilation: int) -> None:
    before, after = same_padding(length, size, stride, dilation)
    extent = (size - 1) * dilation + 1
    output = -(-length // stride)
    assert Axis(length, size, stride, dilation, before, after).output == output
    assert before + after == max((output - 1) * stride + extent - length, 0)
    assert after - before in (0, 1)
    if stride == 1 and size % 2:
        assert before == after == (size - 1) * dilation // 2


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_same_pads_no_more_than_it_must(length: int, size: int, stride: int) -> None:
    before, after = same_padding(length, size, stride)
    if before + after:
        assert Axis(length, size, stride, 1, before, after - 1).output < -(-length // stride)


@pytest.mark.parametrize(
    ("axis", "output", "formula"),
    [
        (Axis(227, 11, 4, 1, 0, 0), 55, "(227 - 11 + 2*0)/4 + 1 = 55"),
        (Axis(224, 11, 4, 1, 0, 0), 54, "(224 - 11 + 2*0)/4 + 1 = 54.25"),
        (Axis(10, 3, 2, 1, 0, 0), 4, "(10 - 3 + 2*0)/2 + 1 = 4.5"),
        (Axis(224, 3, 1, 1, 1, 1), 224, "(224 - 3 + 2*1)/1 + 1 = 224"),
        (Axis(112, 3, 2, 1, 0, 1), 56, "(112 - 3 + (0+1))/2 + 1 = 56"),
        (Axis(32, 3, 1, 4, 0, 0), 24, "(32 - 9 + 2*0)/1 + 1 = 24"),
    ],
)
def test_the_formula_with_its_numbers(axis: Axis, output: int, formula: str) -> None:
    assert axis.output == output
    assert axis.formula() == formula


@pytest.mark.parametrize(
    ("axis", "words"),
    [
        (Axis(10, 3, 2, 1, 0, 0), "pixel 9 is never seen"),
        (Axis(224, 11, 4, 1, 0, 0), "pixel 223 is never seen"),
        (Axis(10, 4, 4, 1, 0, 0), "pixels 8 to 9 are never seen"),
        (Axis(9, 1, 2, 1, 0, 0), "4 of 9 pixels along the axis are never seen, the first is 1"),
        (Axis(8, 3, 2, 1, 1, 1), "only padding is left over and every pixel is seen"),
    ],
)
def test_what_is_never_seen_in_words(axis: Axis, words: str) -> None:
    assert describe_unseen(axis) == words


def test_unseen_is_counted_fast_enough_for_the_longest_map() -> None:
    # (1,000,000 - 1000) % 7 = 2. Every position of every window one by one would be 1.4e8 steps.
    assert Axis(MAX_LENGTH, 1000, 7, 1, 0, 0).unseen() == [(999_998, 999_999)]


def test_an_exact_fit_is_let_through_and_another_refused() -> None:
    need_exact_fit(Window((Axis(227, 11, 4, 1, 0, 0),) * 2))
    with pytest.raises(NetworkError) as caught:
        need_exact_fit(Window((Axis(227, 11, 4, 1, 0, 0), Axis(224, 11, 4, 1, 0, 0))))
    assert str(caught.value) == (
        "the size does not fit; got (224 - 11 + 2*0)/4 + 1 = 54.25; expected a whole number "
        "(hint: P=same, another stride, or fit=crop, where pixel 223 is never seen)"
    )


def test_a_window_larger_than_its_input() -> None:
    with pytest.raises(NetworkError) as caught:
        make_window((3,), (5,), (1,), "valid")
    assert str(caught.value) == (
        "a window of 5 does not fit into 3 padded positions; got (3 - 5 + 2*0)/1 + 1 = -1; "
        "expected an output of at least 1 (hint: a smaller F, more padding, P=same, or fewer POOL before it)"
    )


def test_padding_cannot_make_a_map_longer_than_any_input() -> None:
    with pytest.raises(NetworkError, match=r"a map too long; got .* expected at most 1,000,000 along an axis"):
        make_window((3,), (3,), (1,), ((MAX_LENGTH, 0),))


def test_one_value_serves_all_axes() -> None:
    assert per_axis((3,), 2, "the kernel") == (3, 3)
    assert per_axis((3, 5), 2, "the kernel") == (3, 5)
    assert padding_per_axis("same", 3) == "same"
    assert padding_per_axis(((1, 2),), 2) == ((1, 2), (1, 2))
    assert padding_per_axis(((1, 2), (0, 0)), 2) == ((1, 2), (0, 0))
    for axes, word in ((1, "axis"), (3, "axes")):
        with pytest.raises(NetworkError, match=f"the kernel has 2 sizes, but the input has {axes} spatial {word}"):
            per_axis((3, 5), axes, "the kernel")
    with pytest.raises(NetworkError, match="padding for 2 axes, but the input has 3"):
        padding_per_axis(((1, 2), (0, 0)), 3)
    need_same_axes((3, 3), (1, 1), "same")
    with pytest.raises(NetworkError, match="sizes for different numbers of axes"):
        need_same_axes((3, 3), (1,))
    with pytest.raises(NetworkError, match="the window has other axes than the input; got 2; expected 1"):
        make_window((8,), (3, 3), (1, 1), "same")


def test_a_window_has_its_output_and_padding_per_axis() -> None:
    window = make_window((9, 8, 7), (3, 2, 1), (2, 2, 2), "same", (1, 2, 1))
    assert window.output == (5, 4, 4)
    assert window.padding == ((1, 1), (0, 1), (0, 0))
