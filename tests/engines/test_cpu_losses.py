"""Losses and softmax of the CPU engine, against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu import softmax
from tatami.engines.cpu.losses import loss_and_gradient
from tatami.engines.textbook import losses as textbook
from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import Softmax
from tatami.plan.scratch.losses import loss_scratch
from tatami.recipe import CrossEntropy, Hinge, MeanSquaredError

from .cpu_calls import map_of, run_calls
from .cpu_rooms import close, is_guarded, random, room

SHAPES = [
    ((5, 10), False, 2),
    ((2, 3, 4, 21), True, 3),
    ((1, 1), False, 3),
    ((3, 7, 5), False, 1),
    ((2, 5000), True, 2),
]
DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def check(loss, dtype, by_targets=False):
    for case, (shape, sliced, parts) in enumerate(SHAPES):
        s = random(case, *shape, dtype=dtype, scale=5)
        if by_targets:
            y = random(case + 9, *shape, dtype=dtype)
            if isinstance(loss, CrossEntropy):
                y = np.maximum(y, 0)  # about half of them 0, in the case of one class all
            flat = y.reshape(-1, shape[-1])
        else:
            y = np.random.default_rng(case).integers(shape[-1], size=shape[:-1])
            flat = y.reshape(-1)
        expected, gradient = textbook.loss_and_gradient(loss, s.reshape(-1, shape[-1]).astype("float64"), flat)
        labels, targets = (0, y.ctypes.data) if by_targets else (y.ctypes.data, 0)
        S, D, mean = room(s, sliced), room(np.zeros_like(s), not sliced), np.zeros(1)
        scratch = np.full(loss_scratch(shape[0], parts, s.itemsize), 255, np.uint8)
        for d in (None, D, S):
            mean[0] = np.nan
            where = None if d is None else map_of(d)
            calls = loss_and_gradient(loss, map_of(S), labels, targets, where, mean.ctypes.data, scratch.ctypes.data)
            run_calls(calls, dtype, shape[0], parts)
            assert mean[0] == pytest.approx(expected, rel={"float32": 1e-6, "float64": 1e-13}[dtype], abs=1e-14)
            if d is not None:
                close(d, gradient.reshape(shape).astype(dtype))
                assert is_guarded(d)


@DTYPES
def test_cross_entropy(dtype):
    check(CrossEntropy(), dtype)
    check(CrossEntropy(targets=True), dtype, by_targets=True)


@DTYPES
def test_mean_squared_error(dtype):
    check(MeanSquaredError(), dtype)
    check(MeanSquaredError(), dtype, by_targets=True)


@DTYPES
def test_hinge(dtype):
    check(Hinge(), dtype)
    check(Hinge(0.3), dtype)


def test_hinge_at_the_margin():
    """Just outside of the margin is no error, and a tie with the true class is one of the margin."""
    s, y, mean = np.array([[2.0, 1, 2, -5]], "float32"), np.array([0]), np.zeros(1)
    scratch = np.zeros(64, np.uint8)
    where = y.ctypes.data, 0, map_of(s), mean.ctypes.data, scratch.ctypes.data
    run_calls(loss_and_gradient(Hinge(), map_of(s), *where), "float32", 1)
    assert mean[0] == 1
    assert s.tolist() == [[-1, 0, 1, 0]]


def test_cross_entropy_of_large_scores_stays_finite():
    s, y, mean = np.array([[1e4, 0, -1e4]], "float32"), np.array([0]), np.zeros(1)
    scratch = np.zeros(64, np.uint8)
    where = y.ctypes.data, 0, map_of(s), mean.ctypes.data, scratch.ctypes.data
    run_calls(loss_and_gradient(CrossEntropy(), map_of(s), *where), "float32", 1)
    assert mean[0] == 0
    assert np.abs(s).max() < 1e-30


@DTYPES
def test_softmax(dtype):
    for case, (shape, sliced, parts) in enumerate(SHAPES):
        x, dy, old = (random(case + 9 * i, *shape, dtype=dtype, scale=3) for i in range(3))
        expected, back = run(Softmax(), {}, Mode(), x)
        ((gradient,), _) = back(dy)
        X, DY, DX = room(x, sliced), room(dy, not sliced), room(old, sliced)
        run_calls(softmax.forward(map_of(X), map_of(X)), dtype, shape[0], parts)
        close(X, expected)
        assert is_guarded(X)
        run_calls(softmax.backward(map_of(X), map_of(DY), map_of(DX), True), dtype, shape[0], parts)
        close(DX, gradient + old)
        assert is_guarded(DX)
        run_calls(softmax.backward(map_of(X), map_of(DY), map_of(DY), False), dtype, shape[0], parts)
        close(DY, gradient)


def test_a_class_without_weight_may_have_a_score_of_minus_infinity():
    s, t, mean = np.array([[-np.inf, 0, 1]], "float32"), np.array([[0, 0.5, 0.5]], "float32"), np.zeros(1)
    scratch = np.zeros(64, np.uint8)
    where = 0, t.ctypes.data, map_of(s), mean.ctypes.data, scratch.ctypes.data
    run_calls(loss_and_gradient(CrossEntropy(targets=True), map_of(s), *where), "float32", 1)
    p = 1 / (1 + np.e)
    assert mean[0] == pytest.approx(-0.5 * np.log(p) - 0.5 * np.log(1 - p), rel=1e-6)
    np.testing.assert_allclose(s, [[0, p - 0.5, 0.5 - p]], atol=1e-6)


@pytest.mark.parametrize("place", [0, 1, 20])
@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_nan_among_the_scores_is_nan_in_the_loss(place, weight):
    s, t, mean = random(0, 1, 21), np.zeros((1, 21), "float32"), np.zeros(1)
    s[0, place], t[0, 5] = np.nan, weight
    scratch = np.zeros(64, np.uint8)
    where = 0, t.ctypes.data, None, mean.ctypes.data, scratch.ctypes.data
    run_calls(loss_and_gradient(CrossEntropy(targets=True), map_of(s), *where), "float32", 1)
    assert np.isnan(mean[0])
