"""DROPOUT of the CPU engine: the very bits of the textbook engine, that is, of NumPy."""

import numpy as np
import pytest

from tatami.engines.cpu import dropout
from tatami.engines.cpu.clock import Clock
from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import Dropout
from tatami.plan.scratch.dropout import mask_bytes

from .cpu_calls import map_of, run_calls
from .cpu_rooms import is_guarded, random, room

SEEDS = [0, 1, 12345, 2**32 + 7, 2**63 - 1]


def mask_for(count, n):
    return np.full(mask_bytes(count, n) + 1, 99, np.uint8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rate", [0.5, 0.1, 1 / 3, 0.95])
def test_the_mask_is_numpys(seed, rate):
    for node, step, size in ((0, 0, 1), (3, 7, 1001), (200, 2**40, 64), (17, 1, 15), (1, 99, 8)):
        x, clock = np.ones((3, size), "float32"), Clock(seed)
        clock.set(step, 0.1)
        mask, y = mask_for(size, 3), np.empty_like(x)
        run_calls(
            dropout.forward(Dropout(rate), map_of(x), map_of(y), mask.ctypes.data, clock.address, node), "float32", 3
        )
        numbers = Mode(True, seed, step, node).random().random(x.shape, np.float32)
        bits = np.unpackbits(mask[:-1], bitorder="little")[: x.size].reshape(x.shape)
        assert (bits == (numbers >= rate)).all()
        assert mask[-1] == 99


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_and_backward(dtype):
    layer, clock = Dropout(0.3), Clock(5)
    clock.set(12, 0.1)
    cases = (
        ((3, 5, 7, 19), True, 2),
        ((2, 9, 1), False, 3),
        ((1, 3), False, 3),
        ((2, 4, 3, 2, 5), True, 1),
        ((2, 33), True, 2),
    )
    for case, (shape, sliced, parts) in enumerate(cases):
        x, dy, old = (random(case + 9 * i, *shape, dtype=dtype) for i in range(3))
        expected, back = run(layer, {}, Mode(True, 5, 12, 4), x)
        ((gradient,), _) = back(dy)
        X, Y, DY, DX = room(x, sliced), room(old, not sliced), room(dy, sliced), room(old, sliced)
        mask = mask_for(x[0].size, shape[0])
        calls = dropout.forward(layer, map_of(X), map_of(Y), mask.ctypes.data, clock.address, 4)
        run_calls(calls, dtype, shape[0], parts)
        assert (expected == Y).all()
        assert is_guarded(Y)
        run_calls(dropout.backward(layer, map_of(DY), map_of(DX), mask.ctypes.data, True), dtype, shape[0], parts)
        assert (gradient + old == DX).all()
        assert is_guarded(DX)
        run_calls(dropout.backward(layer, map_of(DY), map_of(DY), mask.ctypes.data, False), dtype, shape[0], parts)
        assert (gradient == DY).all()
        assert is_guarded(DY)
        assert mask[-1] == 99
