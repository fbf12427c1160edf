"""Convolutions as products of matrices, against the textbook engine."""

import pytest

from tatami.engines.cpu import unfolded
from tatami.engines.cpu.places import Bend
from tatami.network.layers import Conv
from tatami.plan.scratch import unfolded as sizes

from .conv_check import check

CASES = [
    # input, filters, kernel, stride, padding, dilation, groups
    ((5, 4, 3), 2, (3, 3), (1, 1), "same", (1, 1), 1),
    ((9, 8, 3), 40, (7, 7), (2, 2), ((3, 3), (3, 3)), (1, 1), 1),
    ((6, 7, 17), 33, (3, 3), (2, 2), "same", (1, 1), 1),
    ((5, 6, 2), 3, (2, 2), (3, 3), "valid", (1, 1), 1),
    ((5, 4, 1), 2, (3, 2), (2, 3), ((2, 0), (1, 1)), (1, 1), 1),
    ((7, 7, 2), 2, (3, 3), (2, 2), ((2, 2), (2, 2)), (2, 2), 1),
    ((8, 7, 2), 2, (3, 2), (2, 3), ((0, 0), (0, 0)), (2, 3), 1),
    ((7, 5, 8), 6, (3, 2), (2, 1), ((1, 1), (0, 0)), (1, 1), 2),
    ((4, 4, 40), 80, (3, 3), (1, 1), "same", (1, 1), 2),
    ((4, 4, 3), 3, (3, 3), (1, 1), "same", (1, 1), 3),
    ((6, 6, 3), 5, (1, 1), (1, 1), ((1, 1), (2, 0)), (1, 1), 1),
    ((6, 5, 3), 5, (2, 2), (1, 1), ((3, 3), (2, 3)), (1, 1), 1),
    ((40, 20), 70, (9,), (1,), "same", (1,), 1),
    ((10, 2), 4, (4,), (3,), ((2, 1),), (1,), 2),
    ((11, 1), 2, (3,), (1,), "valid", (3,), 1),
    ((5, 40), 20, (8,), (1,), "same", (1,), 1),
    ((3, 4, 3, 2), 2, (2, 3, 2), (1, 1, 1), "same", (1, 1, 1), 1),
    ((4, 3, 3, 2), 2, (3, 2, 1), (2, 1, 2), ((1, 0), (0, 1), (0, 0)), (1, 1, 1), 2),
    ((3, 3, 130), 70, (3, 3), (1, 1), "same", (1, 1), 1),
]
BENDS = [Bend(), Bend(0.0), Bend(0.0, 6.0), Bend(0.2)]


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_like_the_textbook(case, parts):
    shape, filters, size, stride, padding, dilation, groups = case
    layer = Conv(filters, size, stride, padding, dilation, groups)
    bend = BENDS[(len(shape) + filters + parts) % 4]

    check(unfolded, sizes, layer, shape, n=3, dtype="float64", parts=parts, bend=bend)


@pytest.mark.parametrize("case", CASES[1:8:2], ids=str)
def test_in_float32_within_wider_maps(case):
    shape, filters, size, stride, padding, dilation, groups = case
    layer = Conv(filters, size, stride, padding, dilation, groups)

    check(unfolded, sizes, layer, shape, n=2, dtype="float32", parts=2, add=True, wider=3)


def test_one_sample_of_many():
    check(unfolded, sizes, Conv(5, (3, 3), (1, 1)), (5, 5, 4), n=1, dtype="float32", parts=3, batch=4, wider=2)


def test_many_pixels():
    check(unfolded, sizes, Conv(5, (3, 3), (1, 1)), (40, 33, 3), n=2, dtype="float32", parts=2)


def test_shared_rows_of_the_weight_gradient():
    layer = Conv(170, (3, 3), (1, 1), "same", groups=2)

    check(unfolded, sizes, layer, (4, 4, 340), n=2, dtype="float32", parts=3)


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ((12, 11, 20), Conv(50, (5, 5), (1, 1), "valid")),
        ((8, 8, 3), Conv(300, (4, 4), (1, 1), ((0, 0), (1, 0)))),
        ((9, 9, 6), Conv(8, (4, 5), (2, 1), "valid", groups=2)),
        ((5, 6, 4, 2), Conv(3, (3, 3, 2), (1, 1, 1), "valid", (2, 1, 1))),
    ],
    ids=str,
)
def test_folded_data_gradient(shape, layer, parts):
    assert sizes.folds(layer, shape)

    check(unfolded, sizes, layer, shape, n=2, dtype="float64", parts=parts, add=parts > 1, wider=parts - 1)


def test_folds_where_padding_would_be_most_of_the_work():
    assert not sizes.folds(Conv(64, (3, 3), (1, 1)), (28, 28, 64))
    assert not sizes.folds(Conv(64, (3, 3), (2, 2)), (28, 28, 64))
    assert sizes.folds(Conv(50, (5, 5), (1, 1), "valid"), (12, 12, 20))
