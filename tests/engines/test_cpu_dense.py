"""Fully connected layers, against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu import dense
from tatami.engines.cpu.places import Bend
from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import Dense
from tatami.plan.scratch import dense as sizes

from .conv_check import close, memory, untouched, widened
from .cpu_calls import map_of, run_calls


def check(shape, units, n, dtype, parts, *, bend=None, bias=True, add=False, wider=0, batch=None):
    bend, batch, itemsize = bend or Bend(), batch or n, np.dtype(dtype).itemsize
    layer, rng = Dense(units, bias), np.random.default_rng(0)

    def values(*size):
        return rng.standard_normal(size).astype(dtype).astype(float)

    W, b, X, dY = values(int(np.prod(shape)), units), values(units), values(n, *shape), values(n, units)
    Y, backward = run(layer, {"weight": W, "bias": b}, Mode(), X)
    (dX,), gradients = backward(dY)
    Y = np.minimum(np.where(Y > 0, Y, bend.slope * Y), bend.cap)
    w, shift = W.astype(dtype), b.astype(dtype)
    x, dy = widened(X.astype(dtype), wider), widened(dY.astype(dtype), wider)

    y = widened(np.full(Y.shape, np.nan, dtype), wider)
    scratch = memory(sizes.forward_scratch(layer, shape, batch, parts, itemsize))
    address = shift.ctypes.data if bias else 0
    run_calls(
        dense.forward(layer, map_of(x), map_of(y), w.ctypes.data, address, bend, scratch.ctypes.data), dtype, n, parts
    )
    assert close(y, Y, dtype)
    assert untouched(y, wider)
    assert (scratch[-64:] == 255).all()

    start = values(n, *shape) if add else np.full((n, *shape), np.nan)
    dx = widened(start.astype(dtype), wider)
    scratch = memory(sizes.backward_data_scratch(layer, shape, batch, parts, itemsize))
    run_calls(
        dense.backward_data(layer, map_of(dy), map_of(dx), w.ctypes.data, add, scratch.ctypes.data), dtype, n, parts
    )
    assert close(dx, dX + start if add else dX, dtype)
    assert untouched(dx, wider)
    assert (scratch[-64:] == 255).all()

    dw = np.full(w.shape, np.nan, dtype)
    scratch = memory(sizes.backward_weights_scratch(layer, shape, batch, parts, itemsize))
    run_calls(
        dense.backward_weights(layer, map_of(x), map_of(dy), dw.ctypes.data, scratch.ctypes.data), dtype, n, parts
    )
    assert close(dw, gradients["weight"], dtype)
    assert (scratch[-64:] == 255).all()


@pytest.mark.parametrize("parts", [1, 2, 3])
@pytest.mark.parametrize("n", [1, 5, 50])
@pytest.mark.parametrize("units", [1, 10, 100])
def test_sizes(units, n, parts):
    check((37,), units, n, "float64", parts, bend=Bend(0.0, 6.0), add=parts == 2, wider=parts - 1)


@pytest.mark.parametrize("shape", [(3, 2, 5), (4, 7), (1, 1, 20)], ids=str)
@pytest.mark.parametrize("wider", [0, 3])
@pytest.mark.parametrize("n", [4, 34])
def test_maps_and_their_slices(shape, wider, n):
    check(shape, 70, n, "float32", 2, add=True, wider=wider, batch=40, bias=False)


@pytest.mark.parametrize("n", [8, 40, 300])
def test_large(n):
    check((600,), 530, n, "float32", 2, bend=Bend(0.1))
