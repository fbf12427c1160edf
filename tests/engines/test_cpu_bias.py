"""The fused activation's gradient and the bias's, against NumPy."""

import numpy as np
import pytest

from tatami.engines.cpu import bias
from tatami.engines.cpu.places import STRAIGHT, Bend
from tatami.plan.scratch.bias import bias_scratch

from .cpu_calls import map_of, run_calls
from .cpu_rooms import close, is_guarded, random, room

SHAPES = [
    (3, 7, 5, 1),
    (1, 11, 3),
    (2, 9, 9, 16),
    (5, 4, 20),
    (3, 40),
    (1, 5),
    (2, 3, 3, 300),
    (1, 1, 1, 2),
    (4, 600, 8),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bend", [STRAIGHT, Bend(0.0), Bend(0.0, 6.0), Bend(0.2)], ids=str)
def test_bend_and_bias_backward(dtype, bend):
    for case, shape in enumerate(SHAPES):
        for sliced, parts in ((False, 1), (False, 3), (True, 2)):
            y, dy = random(case, *shape, dtype=dtype, scale=4), random(case + 50, *shape, dtype=dtype)
            y = np.minimum(np.where(y > 0, y, bend.slope * y), bend.cap).astype(dtype)
            slope = np.where(y >= bend.cap, 0, np.where(y > 0, 1, bend.slope))
            expected = (dy * slope).astype(dtype)
            Y, DY, d_bias = room(y, sliced), room(dy, sliced), np.full(shape[-1] + 1, 9, dtype)
            scratch = np.full(bias_scratch(shape[-1], shape[0], parts, d_bias.itemsize) + 64, 255, np.uint8)
            calls = bias.bend_and_bias_backward(map_of(Y), map_of(DY), bend, d_bias.ctypes.data, scratch.ctypes.data)
            run_calls(calls, dtype, shape[0], parts)
            close(DY, expected)
            close(d_bias[:-1], expected.astype("float64").reshape(-1, shape[-1]).sum(0).astype(dtype), 5e-6)
            assert is_guarded(DY)
            assert d_bias[-1] == 9
            assert (scratch[-64:] == 255).all()


def test_without_a_bias_only_the_bend():
    y, dy = np.array([[-1, 0, 2, 6.0]]), np.ones((1, 4))
    assert bias.bend_and_bias_backward(map_of(y), map_of(dy), STRAIGHT, 0, 0) == []
    run_calls(bias.bend_and_bias_backward(map_of(y), map_of(dy), Bend(0.5, 6.0), 0, 0), "float64", 1)
    assert dy.tolist() == [[0.5, 0.5, 1, 0]]


def test_long_sums_are_exact():
    """A sum of 2^20 values near 1, in float32."""
    dy = (1 + np.random.default_rng(0).random((4, 512, 512, 1), "float32")).astype("float32")
    d_bias = np.empty(1, "float32")
    scratch = np.empty(bias_scratch(1, 4, 2, 4), np.uint8)
    calls = bias.bend_and_bias_backward(map_of(dy), map_of(dy), STRAIGHT, d_bias.ctypes.data, scratch.ctypes.data)
    run_calls(calls, "float32", 4, 2)
    assert d_bias[0] == pytest.approx(dy.sum(dtype="float64"), rel=2e-7)
