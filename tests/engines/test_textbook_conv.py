"""The convolution against independent truths: the memo's two spellings, SciPy, and TensorFlow's ``same`` by hand."""

import doctest

import numpy as np
import pytest
from scipy.signal import correlate

from tatami.engines.textbook import conv

from .cases import Case
from .textbook_pass import output_of, textbook_pass


def test_the_docstring_shows_the_memo():
    assert doctest.testmod(conv).attempted > 0
    assert doctest.testmod(conv).failed == 0


def test_a_filter_gives_one_number_at_each_position_in_both_spellings_of_the_memo():
    rng = np.random.default_rng(0)
    X, W, b = rng.standard_normal((7, 6, 3)), rng.standard_normal((3, 2, 3, 4)), rng.standard_normal(4)

    Y = output_of("INPUT(7x6x3) -> CONV(4, 3x2, P=valid)", X, weight=W, bias=b)

    assert Y.shape == (5, 5, 4)
    for x in range(5):
        for y in range(5):
            for k in range(4):
                patch = X[x : x + 3, y : y + 2, :]
                assert Y[x, y, k] == pytest.approx(np.sum(patch * W[..., k]) + b[k])
                assert Y[x, y, k] == pytest.approx(np.dot(patch.flatten(), W[..., k].flatten()) + b[k])


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(9x8x4) -> CONV(6, 3x2, S=2x1, P=((1,0),(0,2)), dilation=2x1, groups=2)",
        "INPUT(8x9x3) -> CONV(3, 4x3, S=3x2, P=2, groups=3)",
        "INPUT(7x6x2) -> DWCONV(3, multiplier=3, S=2x1, P=((2,1),(0,1)))",
    ],
)
def test_stride_padding_dilation_and_groups_against_a_sum_over_single_numbers(text):
    case = Case(text)
    layer = case.network().nodes[-1].layer
    X, weights = case.inputs(), case.weights()
    W, b = weights[f"{case.network().nodes[-1].name}.weight"], weights[f"{case.network().nodes[-1].name}.bias"]

    Y, _ = textbook_pass(case.network())(weights, X)

    (F1, F2, depth, K), (_, height, width, _) = W.shape, X.shape
    for n, x, y, k in np.ndindex(Y.shape):
        total = b[k]
        for i, j, c in np.ndindex(F1, F2, depth):
            row = x * layer.stride[0] + i * layer.dilation[0] - layer.padding[0][0]
            column = y * layer.stride[1] + j * layer.dilation[1] - layer.padding[1][0]
            if 0 <= row < height and 0 <= column < width:
                total += X[n, row, column, k // (K // layer.groups) * depth + c] * W[i, j, c, k]
        assert Y[n, x, y, k] == pytest.approx(total)


@pytest.mark.parametrize(
    "text", ["INPUT(9x2) -> CONV(3, 4)", "INPUT(6x7x3) -> CONV(2, 3x2)", "INPUT(4x5x6x2) -> CONV(2, 3)"]
)
def test_against_scipy(text):
    text = text.replace(")", ", P=valid)").replace(", P=valid) ->", ") ->")
    case = Case(text)
    X, weights = case.inputs(), case.weights()

    Y, _ = textbook_pass(case.network())(weights, X)

    for n in range(len(X)):
        for k in range(Y.shape[-1]):
            expected = correlate(X[n], weights["conv1.weight"][..., k], mode="valid")[..., 0]
            np.testing.assert_allclose(Y[n, ..., k], expected + weights["conv1.bias"][k], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("length", "size", "stride", "seen"),
    [
        # output ceil(W/S), total padding max((output-1)*S + F - W, 0), the smaller half before; counts by hand
        (5, 3, 1, [2, 3, 3, 3, 2]),  # total 2: one before, one after
        (5, 2, 1, [2, 2, 2, 2, 1]),  # total 1: after
        (5, 2, 2, [2, 2, 1]),  # total 1: after
        (6, 3, 2, [3, 3, 2]),  # total 1: after
        (5, 4, 1, [3, 4, 4, 3, 2]),  # total 3: one before, two after
        (7, 2, 3, [2, 2, 1]),  # total 1: after
        (4, 1, 2, [1, 1]),  # total 0, although the formula gives -1
    ],
)
def test_same_padding_is_tensorflows(length, size, stride, seen):
    text = f"INPUT({length}x1) -> CONV(1, {size}, S={stride}, P=same, bias=no)"

    Y = output_of(text, np.ones(length), weight=np.ones((size, 1, 1)))

    assert Y.ravel().tolist() == seen
