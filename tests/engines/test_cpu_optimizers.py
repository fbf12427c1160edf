"""Optimizers of the CPU engine against the textbook engine, over several steps."""

import math

import numpy as np
import pytest

from tatami.engines.cpu.clock import Clock
from tatami.engines.cpu.gradient_norm import LINE, squares
from tatami.engines.cpu.optimizers import update
from tatami.engines.textbook import optimizers as textbook
from tatami.recipe import SGD, Adam, AdamW, RMSProp

from .cpu_calls import run_calls
from .cpu_rooms import random

OPTIMIZERS = [
    SGD(),
    SGD(weight_decay=0.1),
    SGD(momentum=0.9, weight_decay=0.01),
    SGD(momentum=0.9, nesterov=True, weight_decay=0.01),
    RMSProp(),
    RMSProp(weight_decay=0.1, alpha=0.9),
    Adam(),
    Adam(weight_decay=0.1, betas=(0.8, 0.9), eps=1e-3),
    AdamW(weight_decay=0.1),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_four_steps(optimizer, dtype):
    for count, parts in ((1, 2), (100, 3), (1000, 1)):
        w = random(count, count + 1, dtype=dtype)
        expected = w[:count].copy()
        state = {name: np.zeros(count, dtype) for name in optimizer.slots}
        slots = [np.zeros(count, dtype) for _ in optimizer.slots]
        clock, guard = Clock(0), w[count]
        for t in range(1, 5):
            g, rate = random(t, count, dtype=dtype), 0.01 / t
            textbook.update(optimizer, expected, g.copy(), state, rate, t)
            clock.set(t - 1, rate)
            where = [slot.ctypes.data for slot in slots]
            run_calls(update(optimizer, w.ctypes.data, g.ctypes.data, where, count, clock.address), dtype, 1, parts)
        tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype]
        assert np.allclose(w[:count], expected, rtol=tolerance, atol=tolerance)
        for slot, old in zip(slots, state.values(), strict=True):
            assert np.allclose(slot, old, rtol=tolerance, atol=tolerance)
        assert w[count] == guard


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_all_take_the_gradient_by_the_scale_of_the_clock(optimizer, dtype):
    w, g = random(1, 100, dtype=dtype), random(2, 100, dtype=dtype)
    expected, state = w.copy(), {name: np.zeros(100, dtype) for name in optimizer.slots}
    slots, clock = [np.zeros(100, dtype) for _ in optimizer.slots], Clock(0)
    clock.set(0, 0.1)
    clock.set_scale(0.25)  # a power of two: exact

    textbook.update(optimizer, expected, 0.25 * g, state, 0.1, 1)
    where = [slot.ctypes.data for slot in slots]
    run_calls(update(optimizer, w.ctypes.data, g.ctypes.data, where, 100, clock.address), dtype, 1, 2)

    tolerance = {"float32": 1e-6, "float64": 1e-14}[dtype]
    assert np.allclose(w, expected, rtol=tolerance, atol=tolerance)
    for slot, old in zip(slots, state.values(), strict=True):
        assert np.allclose(slot, old, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("count", "parts"), [(1, 2), (15, 1), (16, 1), (100, 3), (10_001, 2)])
def test_the_sum_of_squares(dtype, count, parts):
    """In float64: the largest here has none in float32."""
    g = random(count, count + 1, dtype=dtype)
    g[0], g[count] = 1e25, np.nan  # behind the last one there is nothing to be read
    sums = np.full(LINE * parts, np.nan)

    run_calls(squares(g.ctypes.data, count, sums.ctypes.data), dtype, 1, parts)

    assert sums[::LINE].sum() == pytest.approx(math.fsum(float(value) ** 2 for value in g[:count]), rel=1e-14)
    g[0] = 0
    run_calls(squares(g.ctypes.data, count, sums.ctypes.data), dtype, 1, parts)
    assert sums[::LINE].sum() == pytest.approx(math.fsum(float(value) ** 2 for value in g[:count]), rel=1e-14)
