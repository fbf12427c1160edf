"""BN, LN, LRN of the CPU engine, against the textbook engine."""

import numpy as np
import pytest

from tatami.engines.cpu import batch_norm, layer_norm, response_norm
from tatami.engines.cpu.places import STRAIGHT, Bend
from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import BatchNorm, LayerNorm, LocalResponseNorm
from tatami.plan.scratch.norm import (
    batch_norm_inference_scratch,
    batch_norm_scratch,
    layer_norm_scratch,
    response_norm_scratch,
    statistics_values,
)

from .cpu_calls import map_of, run_calls
from .cpu_rooms import close, is_guarded, random, room

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
BENDS = pytest.mark.parametrize("bend", [STRAIGHT, Bend(0.0), Bend(0.0, 1.0), Bend(0.2)], ids=str)
CASES = [
    ((3, 5, 7, 19), True, 2),
    ((2, 9, 1), False, 3),
    ((4, 3), False, 3),
    ((2, 9, 9, 16), False, 2),
    ((2, 300, 70), True, 1),
    ((2, 41, 3, 2, 6), False, 4),
    ((1, 2, 3, 200), False, 5),
]


def bytes_of(size):
    """Scratch memory that nothing must rely on, with a guard behind it."""
    return np.full(size + 64, 255, np.uint8)


def tolerance(dtype):
    return 5e-6 if dtype == "float32" else 1e-12


def bent(t, bend):
    """The activation, and its slope."""
    y = np.minimum(np.where(t > 0, t, bend.slope * t), bend.cap)
    return y, np.where(y >= bend.cap, 0, np.where(t > 0, 1, bend.slope))


class Norm:
    """Batch norm of one case: its arrays, and what the textbook makes of it."""

    def __init__(self, case, shape, dtype, with_shortcut, bend):
        self.shape, self.dtype, self.bend = shape, dtype, bend
        C = shape[-1]
        rng = np.random.default_rng(case)
        self.layer = BatchNorm(eps=1e-3, momentum=0.3)
        self.weights = {
            "weight": random(case + 1, C, dtype=dtype) + dtype(0.1),
            "bias": random(case + 2, C, dtype=dtype),
            "running_mean": random(case + 3, C, dtype=dtype),
            "running_var": rng.random(C).astype(dtype) + dtype(0.5),
        }
        self.x = (random(case, *shape, dtype=dtype) * 3 + 2 * random(case + 4, C, dtype=dtype)).astype(dtype)
        self.shortcut = random(case + 5, *shape, dtype=dtype) if with_shortcut else None
        self.dy = random(case + 6, *shape, dtype=dtype)
        self.old = random(case + 7, *shape, dtype=dtype)
        self.old_shortcut = random(case + 8, *shape, dtype=dtype)

    def textbook(self, training=True):
        mode = Mode(training=training)
        exact = {name: value.astype("float64") for name, value in self.weights.items()}
        t, back = run(self.layer, exact, mode, self.x.astype("float64"))
        y, self.slope = bent(t if self.shortcut is None else t + self.shortcut, self.bend)
        self.d = self.dy * self.slope
        (self.dx,), self.gradients = back(self.d) if training else ((None,), {})
        self.statistics = mode.statistics
        return y

    def address(self, name):
        return self.weights[name].ctypes.data


def prepared(case, dtype, with_shortcut, bend, sliced, parts, shape):
    norm = Norm(case, shape, np.dtype(dtype).type, with_shortcut, bend)
    X, Y = room(norm.x, sliced), room(norm.old, not sliced and case % 2 == 1)
    itemsize = norm.x.itemsize
    scratch = bytes_of(batch_norm_scratch(shape[-1], shape[0], parts, itemsize))
    return norm, X, Y, scratch


@DTYPES
@BENDS
@pytest.mark.parametrize("with_shortcut", [False, True])
def test_batch_norm(dtype, bend, with_shortcut):
    for case, (shape, sliced, parts) in enumerate(CASES):
        norm, X, Y, scratch = prepared(case, dtype, with_shortcut, bend, sliced, parts, shape)
        n, C = shape[0], shape[-1]
        expected, statistics = norm.textbook(), np.full(statistics_values(C) + 1, 7, dtype)
        S = room(norm.shortcut, sliced) if with_shortcut else None
        weight, bias, kept = norm.address("weight"), norm.address("bias"), statistics.ctypes.data
        shortcut = map_of(S) if with_shortcut else None
        args = (weight, bias, kept, bend, shortcut, scratch.ctypes.data)
        run_calls(batch_norm.forward(norm.layer, map_of(X), map_of(Y), *args), dtype, n, parts)
        close(Y, expected.astype(dtype), tolerance(dtype))
        assert is_guarded(Y)
        rows = norm.x.reshape(-1, C).astype("float64")
        close(statistics[:C], rows.mean(0).astype(dtype))
        close(statistics[C : 2 * C], (1 / np.sqrt(rows.var(0) + norm.layer.eps)).astype(dtype))
        assert statistics[-1] == 7
        if with_shortcut:
            run_calls(batch_norm.forward(norm.layer, map_of(X), shortcut, *args), dtype, n, parts)
            close(S, expected.astype(dtype), tolerance(dtype))

        calls = batch_norm.update_running(
            norm.layer, map_of(X), kept, norm.address("running_mean"), norm.address("running_var")
        )
        run_calls(calls, dtype, n, parts)
        for name, value in norm.statistics.items():
            close(norm.weights[name], value.astype(dtype))

        check_backward(norm, X, Y, statistics, scratch, sliced, parts)
        assert (scratch[-64:] == 255).all()


def check_backward(norm, X, Y, statistics, scratch, sliced, parts):
    """All the ways in which the gradients may lie and be added up."""
    dtype, n, C, bend = norm.x.dtype, norm.shape[0], norm.shape[-1], norm.bend
    slack = tolerance(norm.x.dtype.name) * 2
    d_weight, d_bias = np.full(C, 9, dtype), np.full(C, 9, dtype)
    ways = [(False, False), (True, False)] if norm.shortcut is None else [(False, False), (True, True), (False, True)]
    for add, add_shortcut in ways:
        for own in (False, True):  # the shortcut's gradient, or dx, in dy's own memory
            DY, DX, DS = room(norm.dy, sliced), room(norm.old, sliced), room(norm.old_shortcut, not sliced)
            dx, ds = map_of(DX), map_of(DS)
            if norm.shortcut is None:
                ds = None
                if own and not add:
                    DX, dx = DY, map_of(DY)
            elif own and not add_shortcut:
                DS, ds = DY, map_of(DY)
            for y in [map_of(Y), None] if norm.shortcut is None else [map_of(Y)]:
                DY[...], DX_old = norm.dy, DX.copy()
                calls = batch_norm.backward(
                    *(norm.layer, map_of(X), y, map_of(DY), dx, norm.address("weight"), norm.address("bias")),
                    *(statistics.ctypes.data, d_weight.ctypes.data, d_bias.ctypes.data, bend, ds, add, add_shortcut),
                    scratch.ctypes.data,
                )
                run_calls(calls, dtype.name, n, parts)
                close(DX, (norm.dx + DX_old if add else norm.dx).astype(dtype), slack)
                least = float(np.abs(norm.d).sum(axis=tuple(range(norm.d.ndim - 1))).max())
                close(d_weight, norm.gradients["weight"].astype(dtype), slack, least)
                close(d_bias, norm.gradients["bias"].astype(dtype), slack, least)
                if ds is not None:
                    close(DS, (norm.d + norm.old_shortcut if add_shortcut else norm.d).astype(dtype))
                    assert is_guarded(DS)
                assert is_guarded(DX)
                assert is_guarded(DY)


@DTYPES
def test_batch_norm_without_a_gradient_for_its_input(dtype):
    norm, X, Y, scratch = prepared(0, dtype, True, Bend(0.0), False, 2, (3, 5, 5, 16))
    statistics, d_weight, d_bias = np.empty(48, dtype), np.empty(16, dtype), np.empty(16, dtype)
    Y[...] = norm.textbook()
    weight, bias = norm.address("weight"), norm.address("bias")
    args = (weight, bias, statistics.ctypes.data, norm.bend, map_of(norm.shortcut), scratch.ctypes.data)
    run_calls(batch_norm.forward(norm.layer, map_of(X), map_of(Y), *args), dtype, 3)
    calls = batch_norm.backward(
        *(norm.layer, map_of(X), map_of(Y), map_of(norm.dy), None, weight, bias, statistics.ctypes.data),
        *(d_weight.ctypes.data, d_bias.ctypes.data, norm.bend, None, False, False, scratch.ctypes.data),
    )
    run_calls(calls, dtype, 3)
    close(d_weight, norm.gradients["weight"].astype(dtype), 1e-5)
    close(d_bias, norm.gradients["bias"].astype(dtype), 1e-5)


@DTYPES
@BENDS
@pytest.mark.parametrize("with_shortcut", [False, True])
def test_batch_norm_with_running_statistics(dtype, bend, with_shortcut):
    for case, (shape, sliced, parts) in enumerate(CASES):
        norm, X, Y, _ = prepared(case, dtype, with_shortcut, bend, sliced, parts, shape)
        expected = norm.textbook(training=False)
        scratch = bytes_of(batch_norm_inference_scratch(shape[-1], shape[0], parts, norm.x.itemsize))
        shortcut = map_of(norm.shortcut) if with_shortcut else None
        numbers = [norm.address(name) for name in ("weight", "bias", "running_mean", "running_var")]
        for target in (Y, X):
            calls = batch_norm.forward_inference(
                norm.layer, map_of(X), map_of(target), *numbers, bend, shortcut, scratch.ctypes.data
            )
            run_calls(calls, dtype, shape[0], parts)
            close(target, expected.astype(dtype))
            assert is_guarded(target)
        assert (scratch[-64:] == 255).all()


def test_the_variance_of_values_far_from_zero():
    """Mean 1000 deviations away, and a first sample that is an outlier: float32 keeps the digits that x has."""
    x = 1000 + np.random.default_rng(0).standard_normal((8, 64, 64, 3))
    x[0] += 50
    x = x.astype("float32")
    weight, bias, y = np.ones(3, "float32"), np.zeros(3, "float32"), np.empty_like(x)
    statistics = np.empty(9, "float32")
    for parts in (1, 2):
        scratch = bytes_of(batch_norm_scratch(3, 8, parts, 4))
        args = (weight.ctypes.data, bias.ctypes.data, statistics.ctypes.data, STRAIGHT, None, scratch.ctypes.data)
        run_calls(batch_norm.forward(BatchNorm(), map_of(x), map_of(y), *args), "float32", 8, parts)
        exact = x.reshape(-1, 3).astype("float64")
        assert statistics[:3] == pytest.approx(exact.mean(0), rel=1e-7)
        assert statistics[6:] == pytest.approx(exact.var(0), rel=1e-6)


@DTYPES
@pytest.mark.parametrize("has_bias", [False, True])
def test_fold(dtype, has_bias):
    for rows, K, parts in ((27, 5, 2), (9, 40, 3), (1, 3, 1)):
        norm = Norm(1, (1, K), np.dtype(dtype).type, False, STRAIGHT)
        W, b = random(3, rows, K, dtype=dtype), random(4, K, dtype=dtype)
        new_W, new_b = np.empty_like(W), np.empty_like(b)
        numbers = [norm.address(name) for name in ("weight", "bias", "running_mean", "running_var")]
        old_bias = b.ctypes.data if has_bias else 0
        where = new_W.ctypes.data, new_b.ctypes.data
        run_calls(batch_norm.fold(norm.layer, W.ctypes.data, old_bias, rows, K, *numbers, *where), dtype, 1, parts)
        scale = norm.weights["weight"] / np.sqrt(norm.weights["running_var"] + norm.layer.eps)
        close(new_W, (W * scale).astype(dtype))
        shift = (b if has_bias else 0) - norm.weights["running_mean"]
        close(new_b, (shift * scale + norm.weights["bias"]).astype(dtype))


@DTYPES
def test_layer_norm(dtype):
    for case, (shape, sliced, parts) in enumerate(CASES):
        n, C, layer = shape[0], shape[-1], LayerNorm(eps=1e-3)
        weights = {"weight": random(1, C, dtype=dtype), "bias": random(2, C, dtype=dtype)}
        x = random(case, *shape, dtype=dtype) + (3 if C > 1 else 0)
        x, dy, old = x.astype(dtype), random(3, *shape, dtype=dtype), random(4, *shape, dtype=dtype)
        exact = {name: value.astype("float64") for name, value in weights.items()}
        expected, back = run(layer, exact, Mode(), x.astype("float64"))
        (dx,), gradients = back(dy)
        X, Y = room(x, sliced), room(old, not sliced)
        statistics = np.full(2 * x.size // C + 1, 7, dtype)
        numbers = weights["weight"].ctypes.data, weights["bias"].ctypes.data, statistics.ctypes.data
        run_calls(layer_norm.forward(layer, map_of(X), map_of(Y), *numbers), dtype, n, parts)
        close(Y, expected.astype(dtype), tolerance(dtype))
        assert is_guarded(Y)
        assert statistics[-1] == 7
        scratch = bytes_of(layer_norm_scratch(C, n, parts, x.itemsize))
        d_weight, d_bias = np.full(C, 9, dtype), np.full(C, 9, dtype)
        for add, wanted, own in ((False, True, False), (True, True, False), (False, True, True), (False, False, False)):
            DY, DX = room(dy, not sliced), room(old, sliced)
            DX = DY if own else DX
            calls = layer_norm.backward(
                *(layer, map_of(X), map_of(DY), map_of(DX) if wanted else None, weights["weight"].ctypes.data),
                *(statistics.ctypes.data, d_weight.ctypes.data, d_bias.ctypes.data, add, scratch.ctypes.data),
            )
            run_calls(calls, dtype, n, parts)
            if wanted:
                close(DX, (dx + old if add else dx).astype(dtype), 4 * tolerance(dtype), 1.0)
            close(d_weight, gradients["weight"].astype(dtype), tolerance(dtype), 1.0)
            close(d_bias, gradients["bias"].astype(dtype), tolerance(dtype), 1.0)
            assert is_guarded(DX)
        assert (scratch[-64:] == 255).all()


@DTYPES
@pytest.mark.parametrize(
    "layer",
    [
        LocalResponseNorm(5, alpha=0.3),
        LocalResponseNorm(4, alpha=0.3, beta=0.5, k=1),
        LocalResponseNorm(3, alpha=2.0, beta=1.3, k=0.1),
        LocalResponseNorm(1),
        LocalResponseNorm(40, alpha=0.1, beta=0.6),
    ],
    ids=str,
)
def test_response_norm(dtype, layer):
    for case, (shape, sliced, parts) in enumerate(CASES):
        n = shape[0]
        x, dy, old = (random(case + 9 * i, *shape, dtype=dtype, scale=3) for i in range(3))
        expected, back = run(layer, {}, Mode(), x.astype("float64"))
        ((dx,), _) = back(dy)
        scratch = bytes_of(response_norm_scratch(layer.size, shape[-1], n, parts, x.itemsize))
        X, Y = room(x, sliced), room(old, not sliced)
        run_calls(response_norm.forward(layer, map_of(X), map_of(Y)), dtype, n, parts)
        close(Y, expected.astype(dtype))
        assert is_guarded(Y)
        for add, own in ((False, False), (True, False), (False, True)):
            DY = room(dy, not sliced)
            DX = DY if own else room(old, sliced)
            calls = response_norm.backward(layer, map_of(X), map_of(DY), map_of(DX), add, scratch.ctypes.data)
            run_calls(calls, dtype, n, parts)
            close(DX, (dx + old if add else dx).astype(dtype))
            assert is_guarded(DX)
        assert (scratch[-64:] == 255).all()
