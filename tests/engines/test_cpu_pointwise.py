"""Convolutions of 1x1, against the textbook engine."""

import pytest

from tatami.engines.cpu import pointwise
from tatami.engines.cpu.places import Bend
from tatami.network.layers import Conv
from tatami.plan.scratch import pointwise as sizes

from .conv_check import check


@pytest.mark.parametrize(
    ("shape", "filters", "stride"),
    [
        ((5, 4, 3), 40, (1, 1)),
        ((7, 6, 18), 24, (2, 2)),
        ((9, 8), 10, (1,)),
        ((8, 3), 5, (3,)),
        ((3, 4, 3, 5), 7, (1, 2, 1)),
    ],
    ids=str,
)
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_like_the_textbook(shape, filters, stride, parts):
    layer = Conv(filters, (1,) * len(stride), stride)

    check(
        pointwise,
        sizes,
        layer,
        shape,
        n=3,
        dtype="float64",
        parts=parts,
        bend=Bend(0.0),
        add=parts > 1,
        wider=parts - 1,
    )


@pytest.mark.parametrize("n", [1, 2])
def test_few_rows_and_many_channels(n):
    check(pointwise, sizes, Conv(300, (1, 1), (1, 1)), (3, 3, 700), n=n, dtype="float32", parts=2, batch=3)


def test_more_parts_than_pixels():
    check(pointwise, sizes, Conv(3, (1, 1), (1, 1)), (1, 1, 2), n=1, dtype="float32", parts=3)


def test_applies_without_padding_and_groups_only():
    shape = (4, 4, 6)

    assert sizes.applies(Conv(6, (1, 1), (2, 2)), shape)
    assert not sizes.applies(Conv(6, (1, 1), (1, 1), ((1, 1), (0, 0))), shape)
    assert not sizes.applies(Conv(6, (1, 1), (1, 1), groups=2), shape)
    assert not sizes.applies(Conv(6, (2, 1), (1, 1)), shape)
