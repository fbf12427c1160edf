"""Activations of the CPU engine against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu import activation
from tatami.engines.cpu.places import Bend
from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import GELU, HardSigmoid, HardSwish, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU, Tanh

from .cpu_calls import map_of, run_calls
from .cpu_rooms import close, is_guarded, random, room

LAYERS = [ReLU(), ReLU6(), LeakyReLU(0.1), Sigmoid(), Tanh(), GELU(), SiLU(), HardSigmoid(), HardSwish()]
# (n, *spatial, C), slices or not, parts
CASES = [((3, 5, 7, 19), True, 2), ((2, 9, 1), False, 3), ((1, 3), False, 3), ((2, 4, 3, 2, 5), True, 1)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.keyword)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_and_backward(layer, dtype):
    for case, (shape, sliced, parts) in enumerate(CASES):
        x = random(case, *shape, dtype=dtype, scale=4)
        x.flat[:3] = 0, 3, -3
        dy, old = random(case + 10, *shape, dtype=dtype), random(case + 20, *shape, dtype=dtype)
        expected, back = run(layer, {}, Mode(training=True), x)
        ((d_expected,), _) = back(dy)
        X, Y = room(x, sliced), room(old, not sliced)
        run_calls(activation.forward(layer, map_of(X), map_of(Y)), dtype, len(x), parts)
        close(Y, expected)
        assert is_guarded(Y)
        for add in (False, True):
            DY, DX = room(dy, sliced), room(old, sliced)
            calls = activation.backward(layer, map_of(X), map_of(Y), map_of(DY), map_of(DX), add)
            run_calls(calls, dtype, len(x), parts)
            close(DX, d_expected + old if add else d_expected, least=1)
            assert is_guarded(DX)


def test_in_place():
    x, dy = random(1, 4, 33), random(2, 4, 33)
    expected, back = run(Tanh(), {}, Mode(), x)
    X, DY = room(x, False), room(dy, False)
    run_calls(activation.forward(Tanh(), map_of(X), map_of(X)), "float32", 4)
    run_calls(activation.backward(Tanh(), None, map_of(X), map_of(DY), map_of(DY), False), "float32", 4)
    close(X, expected)
    close(DY, back(dy)[0][0], least=1)


@pytest.mark.parametrize("layer", [Sigmoid(), Tanh(), GELU(), SiLU()], ids=lambda layer: layer.keyword)
def test_curves_are_exact_to_a_few_units_in_the_last_place(layer):
    """Relative to each value, small ones included, against float64."""
    x = np.concatenate([np.linspace(-8, 8, 20000), np.geomspace(1e-20, 1, 999), -np.geomspace(1e-20, 1, 999)])[None]
    x = x.astype("float32")
    y = np.empty_like(x)
    run_calls(activation.forward(layer, map_of(x), map_of(y)), "float32", 1)
    exact = x.astype("float64")
    expected = run(layer, {}, Mode(), exact)[0]
    where = exact > -5  # below, the textbook's own Phi cancels
    error = np.abs(y - expected)[where] / np.abs(expected[where])
    assert error.max() < 3e-6
    assert np.median(error) < 1e-7


def test_extreme_values():
    x = np.array([[np.nan, np.inf, -1e4, 1e4, 0]], "float32")
    y = np.empty_like(x)
    run_calls(activation.forward(Sigmoid(), map_of(x), map_of(y)), "float32", 1)
    assert np.isnan(y[0, 0])
    assert y[0, 1:].tolist() == pytest.approx([1, 0, 1, 0.5])
    run_calls(activation.forward(Tanh(), map_of(x), map_of(y)), "float32", 1)
    assert y[0, 1:].tolist() == [1, -1, 1, 0]


def test_bend_forward():
    x = np.array([[-2, -0.5, 0, 3, 9]], "float32")
    run_calls(activation.bend_forward(map_of(x), map_of(x), Bend(0.5, 6.0)), "float32", 1)
    assert x.tolist() == [[-1, -0.25, 0, 3, 6]]
