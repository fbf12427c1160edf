"""Depthwise convolutions, against the textbook engine."""

import pytest

from tatami.engines.cpu import depthwise
from tatami.engines.cpu.places import Bend
from tatami.network.layers import DepthwiseConv
from tatami.plan.scratch import depthwise as sizes

from .conv_check import check

CASES = [
    # input, filters for each channel, kernel, stride, padding, dilation
    ((5, 4, 3), 1, (3, 3), (1, 1), "same", (1, 1)),
    ((9, 17, 32), 1, (3, 3), (1, 1), "same", (1, 1)),
    ((8, 19, 20), 1, (3, 3), (2, 2), "same", (1, 1)),
    ((7, 21, 16), 1, (5, 5), (1, 1), "same", (1, 1)),
    ((7, 9, 18), 1, (5, 5), (2, 2), ((2, 2), (2, 2)), (1, 1)),
    ((2, 3, 16), 1, (7, 7), (1, 1), "same", (1, 1)),
    ((9, 8, 17), 1, (3, 2), (2, 3), ((0, 1), (2, 0)), (2, 1)),
    ((6, 5, 3), 1, (2, 2), (3, 3), "valid", (1, 1)),
    ((130, 5), 1, (9,), (1,), "same", (1,)),
    ((30, 33), 1, (3,), (2,), "same", (4,)),
    ((4, 3, 5, 4), 1, (3, 2, 3), (1, 2, 1), "same", (1, 1, 1)),
    ((7, 3), 2, (3,), (1,), "same", (1,)),
    ((6, 5, 2), 3, (3, 2), (2, 2), ((1, 1), (0, 0)), (2, 1)),
]
BENDS = [Bend(), Bend(0.0), Bend(0.0, 6.0), Bend(0.2)]


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_like_the_textbook(case, parts):
    shape, multiplier, size, stride, padding, dilation = case
    layer = DepthwiseConv(multiplier * shape[-1], size, stride, padding, dilation, groups=shape[-1])
    bend = BENDS[(shape[0] + parts) % 4]

    check(depthwise, sizes, layer, shape, n=3, dtype="float64", parts=parts, bend=bend, add=parts == 2, wider=parts - 1)


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
def test_in_float32(stride, n):
    layer = DepthwiseConv(40, (3, 3), (stride, stride), groups=40)

    check(depthwise, sizes, layer, (40, 33, 40), n=n, dtype="float32", parts=2, batch=3)
