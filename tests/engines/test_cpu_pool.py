"""POOL and GAP of the CPU engine, against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu import pool
from tatami.engines.textbook.rules import Mode, run
from tatami.network import find_network
from tatami.network.layers import GlobalAveragePool
from tatami.plan.scratch.pool import place_bytes

from .cpu_calls import map_of, run_calls
from .cpu_rooms import close, is_guarded, random, room

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])

# Shape of the batch, layer, sliced, parts.
POOLS = [
    ((3, 4, 6, 2), "POOL", False, 2),
    ((2, 5, 7, 35), "POOL", True, 3),
    ((1, 8, 6, 16), "POOL", False, 3),
    ((2, 7, 7, 16), "POOL(3, S=2)", True, 2),
    ((3, 9, 8, 5), "POOL(3, S=2, P=1)", False, 3),
    ((1, 8, 8, 40), "POOL(3, S=2, P=same)", False, 2),
    ((2, 5, 4, 3), "POOL(3x2, S=1, P=same)", False, 7),
    ((2, 6, 5, 17), "POOL(3, S=2, P=((0,2),(1,0)))", False, 2),
    ((2, 7, 8, 1), "POOL(2, S=3)", False, 2),
    ((2, 8, 7, 18), "POOL(2, S=3, P=((1,0),(0,1)))", True, 2),
    ((2, 9, 3), "POOL(4, S=3, P=(1,2))", False, 2),
    ((1, 10, 19), "POOL(2)", True, 3),
    ((2, 4, 5, 3, 2), "POOL(2x3x2, S=2x2x1, P=((1,0),(1,1),(0,1)))", False, 3),
    ((1, 4, 5, 3, 20), "POOL(2)", True, 2),
]


def layer_of(text, shape):
    network = find_network(f"INPUT({'x'.join(map(str, shape[1:]))}) -> {text}").build()
    return network.nodes[-1].layer


def check(text, shape, sliced, parts, dtype, values):
    """Forward and backward; ``values`` draws samples."""
    layer, n = layer_of(text, shape), shape[0]
    x = values(shape).astype(dtype)
    expected, back = run(layer, {}, Mode(), x)
    X, Y = room(x, sliced), room(np.full(expected.shape, 9, dtype), not sliced)
    places = np.full(expected.size * place_bytes(layer) + 1, 255, np.uint8)
    where = places.ctypes.data if layer.kind == "max" else 0
    run_calls(pool.forward(layer, map_of(X), map_of(Y), where), dtype, n, parts)
    if layer.kind == "max":
        assert (expected == Y).all()
    close(Y, expected)
    assert is_guarded(Y)
    assert places[-1] == 255

    dy = random(5, *expected.shape, dtype=dtype)
    (gradient,), _ = back(dy)
    for add in (False, True):
        old = random(6, *shape, dtype=dtype)
        DY, DX = room(dy, not sliced), room(old, sliced)
        run_calls(pool.backward(layer, map_of(DY), map_of(DX), where, add), dtype, n, parts)
        close(DX, gradient + old if add else gradient)
        assert is_guarded(DX)


@DTYPES
@pytest.mark.parametrize(("shape", "text", "sliced", "parts"), POOLS)
def test_maxima(shape, text, sliced, parts, dtype):
    rng = np.random.default_rng(0)
    check(text, shape, sliced, parts, dtype, rng.standard_normal)
    check(text, shape, sliced, parts, dtype, lambda shape: rng.integers(0, 3, shape))  # ties: the first wins


@pytest.mark.parametrize("text", ["POOL(17)", "POOL(17, S=2)"])
def test_maxima_with_more_than_256_places(text):
    check(text, (1, 20, 19, 3), False, 2, "float32", np.random.default_rng(0).standard_normal)


@DTYPES
@pytest.mark.parametrize("count_pad", ["", ", count_pad=yes"])
@pytest.mark.parametrize(("shape", "text", "sliced", "parts"), POOLS)
def test_means(shape, text, sliced, parts, count_pad, dtype):
    given = text.removeprefix("POOL").strip("()") if "(" not in text[5:] else text[5:-1]
    mean = f"POOL(avg, {given or 2}{count_pad})"
    check(mean, shape, sliced, parts, dtype, np.random.default_rng(0).standard_normal)


def test_places_are_not_wanted_at_inference():
    x, y = random(1, 2, 6, 6, 20), np.empty((2, 3, 3, 20), "float32")
    layer = layer_of("POOL", x.shape)
    run_calls(pool.forward(layer, map_of(x), map_of(y), 0), "float32", 2)
    assert (run(layer, {}, Mode(), x)[0] == y).all()


@pytest.mark.parametrize("text", ["POOL", "POOL(3, S=2)", "POOL(3, S=1, P=1)", "POOL(avg, 2)"])
def test_nan_is_seen(text):
    """Wherever it stands in the window, and whatever is there besides."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 9, 9, 18)).astype("float32")
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = -np.inf
    layer = layer_of(text, x.shape)
    expected, _ = run(layer, {}, Mode(), x)
    y = np.zeros_like(expected)
    places = np.zeros(expected.shape, np.uint8)
    run_calls(pool.forward(layer, map_of(x), map_of(y), places.ctypes.data), "float32", 2)
    assert (np.isnan(y) == np.isnan(expected)).all()
    finite = np.isfinite(expected)
    close(y[finite], expected[finite])


@DTYPES
def test_global_means(dtype):
    cases = [((3, 5, 7, 19), True, 2), ((2, 9, 1), False, 3), ((1, 3, 2, 2, 70), False, 5), ((2, 20, 30, 150), True, 2)]
    for case, (shape, sliced, parts) in enumerate(cases):
        x, old = random(case, *shape, dtype=dtype), random(8, *shape, dtype=dtype)
        dy = random(9, shape[0], shape[-1], dtype=dtype)
        expected, back = run(GlobalAveragePool(), {}, Mode(), x)
        X, Y = room(x, sliced), room(np.zeros(expected.shape, dtype), sliced)
        run_calls(pool.forward_mean(map_of(X), map_of(Y)), dtype, shape[0], parts)
        close(Y, expected)
        assert is_guarded(Y)
        for add in (False, True):
            DY, DX = room(dy, not sliced), room(old, sliced)
            run_calls(pool.backward_mean(map_of(DY), map_of(DX), add), dtype, shape[0], parts)
            close(DX, back(dy)[0][0] + (old if add else 0))
            assert is_guarded(DX)
