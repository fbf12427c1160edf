"""The test of the tests: each of these gradients is wrong in a way that people get it wrong, and must be caught."""

from contextlib import contextmanager

import numpy as np
import pytest

from tatami.engines.textbook.rules import run
from tatami.engines.textbook.windows import crop, pad, shifted_views
from tatami.network.layers import BatchNorm, Conv, Dropout, LayerNorm, LocalResponseNorm, Multiply, Pool, Softmax

from .cases import CASES, Case
from .gradient_check import TOLERANCE
from .textbook_pass import textbook_errors


@contextmanager
def patched(kind, wrong_backward):
    """Let layers of ``kind`` run forward as ever, and backward through ``wrong_backward(layer, X, Y, dY, right)``."""
    right_rule = run.dispatch(kind)

    def wrong_rule(layer, weights, mode, *inputs):
        Y, right = right_rule(layer, weights, mode, *inputs)
        return Y, lambda dY: wrong_backward(layer, weights, inputs, Y, dY, right(dY))

    run.register(kind, wrong_rule)
    try:
        yield
    finally:
        run.register(kind, right_rule)


def no_bias_sum_over_positions(layer, weights, inputs, Y, dY, right):
    return right[0], right[1] | {"bias": dY[:, 0, 0].sum(axis=0)}


def transposed_kernel(layer, weights, inputs, Y, dY, right):
    return right[0], right[1] | {"weight": right[1]["weight"].swapaxes(0, 1)}


def flipped_kernel(layer, weights, inputs, Y, dY, right):
    """As for a convolution in the sense of mathematics, whose kernel runs the other way."""
    return right[0], right[1] | {"weight": right[1]["weight"][::-1, ::-1]}


def forgotten_stride(layer, weights, inputs, Y, dY, right):
    window = layer.window(inputs[0].shape[1:])
    dX = np.zeros_like(pad(inputs[0], window))
    W = weights["weight"]
    for x, y in np.ndindex(*window.output):
        dX[:, x : x + W.shape[0], y : y + W.shape[1]] += np.einsum("nk,xyck->nxyc", dY[:, x, y], W)
    return (crop(dX, window),), right[1]


def forgotten_crop(layer, weights, inputs, Y, dY, right):
    """The gradient of the padded input, cut from its corner instead of from inside the padding."""
    window = layer.window(inputs[0].shape[1:])
    dX = pad(right[0][0], window)
    return (dX[:, : inputs[0].shape[1], : inputs[0].shape[2]],), right[1]


def all_equal_maxima(layer, weights, inputs, Y, dY, right):
    window = layer.window(inputs[0].shape[1:])
    X = pad(inputs[0], window, -np.inf)
    dX = np.zeros_like(X)
    for view, d_view in zip(shifted_views(X, window), shifted_views(dX, window), strict=True):
        d_view += dY * (view == Y)
    return (crop(dX, window),), {}


def last_of_equal_maxima(layer, weights, inputs, Y, dY, right):
    window = layer.window(inputs[0].shape[1:])
    X = pad(inputs[0], window, -np.inf)
    dX, left = np.zeros_like(X), dY.copy()
    places = list(zip(shifted_views(X, window), shifted_views(dX, window), strict=True))
    for view, d_view in reversed(places):
        d_view += left * (view == Y)
        left[view == Y] = 0
    return (crop(dX, window),), {}


def whole_window_as_divisor(layer, weights, inputs, Y, dY, right):
    window = layer.window(inputs[0].shape[1:])
    dX = np.zeros_like(pad(inputs[0], window))
    for view in shifted_views(dX, window):
        view += dY / np.prod(layer.kernel_size)
    return (crop(dX, window),), {}


def constant_statistics(layer, weights, inputs, Y, dY, right):
    """As if the mean and the variance did not depend on the input."""
    axes = tuple(range(dY.ndim - 1)) if isinstance(layer, BatchNorm) else -1
    variance = inputs[0].var(axis=axes, keepdims=True)
    return (dY * weights["weight"] / np.sqrt(variance + layer.eps),), right[1]


def no_mean_term(layer, weights, inputs, Y, dY, right):
    axes = tuple(range(dY.ndim - 1))
    d = dY * weights["weight"] / np.sqrt(inputs[0].var(axis=axes) + layer.eps)
    return (right[0][0] + d.mean(axis=axes),), right[1]


def diagonal_of_the_jacobian(layer, weights, inputs, Y, dY, right):
    return (dY * Y * (1 - Y),), {}


def windows_not_mirrored(layer, weights, inputs, Y, dY, right):
    (X,) = inputs
    before, after, C = layer.size // 2, (layer.size - 1) // 2, X.shape[-1]
    base = (X / Y) ** (1 / layer.beta)
    padded = np.pad(dY * Y / base, [(0, 0)] * (X.ndim - 1) + [(before, after)])
    around = sum(padded[..., i : i + C] for i in range(layer.size))
    return (dY * Y / X - 2 * layer.alpha * layer.beta * X * around,), {}


def no_rescaling(layer, weights, inputs, Y, dY, right):
    return (right[0][0] * (1 - layer.rate),), {}


def no_sum_over_positions(layer, weights, inputs, Y, dY, right):
    """A gate gets the mean of its gradients over the positions, not their sum."""
    return tuple(d / Y[0, ..., 0].size if d.ndim < Y.ndim else d for d in right[0]), {}


WRONG = [
    (Conv, no_bias_sum_over_positions, Case("INPUT(5x4x3) -> CONV(2)")),
    (Conv, transposed_kernel, Case("INPUT(5x4x3) -> CONV(2)")),
    (Conv, flipped_kernel, Case("INPUT(5x4x3) -> CONV(2)")),
    (Conv, forgotten_stride, Case("INPUT(7x6x2) -> CONV(3, 3, S=2, P=valid)")),
    (Conv, forgotten_crop, Case("INPUT(5x5x2) -> CONV(2, 2, P=((0,1),(2,0)))")),
    (Pool, forgotten_crop, Case("INPUT(5x7x2) -> POOL(3, S=2, P=1)")),
    (Pool, all_equal_maxima, Case("INPUT(5x7x3) -> POOL(3, S=2, P=1)", ties=True)),
    (Pool, last_of_equal_maxima, Case("INPUT(6x6x3) -> POOL", ties=True)),
    (Pool, whole_window_as_divisor, Case("INPUT(5x7x2) -> POOL(avg, 3, S=2, P=((1,0),(2,1)))")),
    (BatchNorm, constant_statistics, Case("INPUT(3x4x3) -> BN")),
    (BatchNorm, no_mean_term, Case("INPUT(3x4x3) -> BN")),
    (LayerNorm, constant_statistics, Case("INPUT(3x2x5) -> LN")),
    (LocalResponseNorm, windows_not_mirrored, Case("INPUT(2x2x5) -> LRN(4, alpha=0.3, beta=0.5, k=1)")),
    (Softmax, diagonal_of_the_jacobian, Case("INPUT(6) -> SOFTMAX")),
    (Dropout, no_rescaling, Case("INPUT(4x3x2) -> DROPOUT(0.4)")),
    (Multiply, no_sum_over_positions, Case("INPUT(3x4x2) -> MUL[ID | GAP -> FC(2) -> SIGMOID]")),
]


@pytest.mark.parametrize(("kind", "wrong", "case"), WRONG, ids=[f"{k.__name__}-{w.__name__}" for k, w, _ in WRONG])
def test_a_wrong_gradient_is_caught(kind, wrong, case):
    assert str(case) in map(str, CASES)  # so what is caught here would be caught in the table
    assert max(textbook_errors(case).values()) < TOLERANCE

    with patched(kind, wrong):
        errors = textbook_errors(case)

    assert max(errors.values()) > 1e-3


def test_a_patch_that_changes_nothing_is_not_caught():
    with patched(Conv, lambda layer, weights, inputs, Y, dY, right: right):
        assert max(textbook_errors(Case("INPUT(5x4x3) -> CONV(2)")).values()) < TOLERANCE
