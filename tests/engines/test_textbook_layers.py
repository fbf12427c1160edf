"""Forward passes by hand arithmetic."""

import math

import numpy as np
import pytest

from tatami.engines.textbook.rules import Mode, run
from tatami.network.layers import BatchNorm, Dropout, Layer, Multiply

from .textbook_pass import output_of

PICTURE = [[1, 2, 3], [4, 9, 6], [7, 8, 5]]


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("POOL(2, S=1)", [[9, 9], [9, 9]]),
        ("POOL(2)", [[9]]),
        ("POOL(2, P=same)", [[9, 6], [8, 5]]),
        ("POOL(avg, 2, S=1)", [[4, 5], [7, 7]]),
        ("POOL(avg, 2, P=same)", [[4, 4.5], [7.5, 5]]),
        ("POOL(avg, 2, P=same, count_pad=yes)", [[4, 2.25], [3.75, 1.25]]),
        ("POOL(avg, 2, P=(1, 0))", [[1, 2.5], [5.5, 7]]),
        ("POOL(avg, 2, P=(1, 0), count_pad=yes)", [[0.25, 1.25], [2.75, 7]]),
    ],
)
def test_pooling(pool, expected):
    assert output_of(f"INPUT(3x3x1) -> {pool}", PICTURE)[..., 0].tolist() == expected


def test_padding_never_wins_a_maximum():
    Y = output_of("INPUT(3x3x1) -> POOL(2, P=1)", -np.array(PICTURE))

    assert Y[..., 0].tolist() == [[-1, -2], [-4, -5]]


def test_global_average():
    assert output_of("INPUT(3x3x1) -> GAP", PICTURE).tolist() == [5]


def test_fc_flattens_row_by_row_channels_last():
    Y = output_of("INPUT(2x2x2) -> FC(1)", np.arange(8), weight=10.0 ** np.arange(8)[:, None], bias=[0.5])

    assert Y.tolist() == [76543210.5]


def test_batch_norm_in_training_and_its_running_statistics():
    X = np.array([1.0, 3.0, 5.0, 7.0]).reshape(2, 2, 1)  # mean 4, variance 5, unbiased 20/3
    weights = {"weight": [2.0], "bias": [1.0], "running_mean": [10.0], "running_var": [1.0]}
    mode = Mode(training=True)

    Y, _ = run(BatchNorm(eps=4.0, momentum=0.25), {n: np.array(v) for n, v in weights.items()}, mode, X)

    assert Y.ravel().tolist() == [-1, 1 - 2 / 3, 1 + 2 / 3, 3]  # (x - 4) / sqrt(5 + 4) * 2 + 1
    assert mode.statistics["running_mean"].tolist() == [0.75 * 10 + 0.25 * 4]
    assert mode.statistics["running_var"] == pytest.approx([0.75 * 1 + 0.25 * 20 / 3])


def test_batch_norm_at_inference_uses_the_running_statistics():
    X = np.array([[2.0], [6.0]])
    weights = {"weight": [3.0], "bias": [1.0], "running_mean": [4.0], "running_var": [0.0]}
    mode = Mode()

    Y, _ = run(BatchNorm(eps=4.0), {n: np.array(v) for n, v in weights.items()}, mode, X)

    assert Y.ravel().tolist() == [-2, 4]
    assert mode.statistics == {}


def test_layer_norm():
    Y = output_of("INPUT(1x2) -> LN(eps=3)", [1, 3], weight=[2, 2], bias=[0, 1])  # mean 2, variance 1

    assert Y.ravel().tolist() == [-1, 2]


def test_local_response_norm():
    Y = output_of("INPUT(1x5) -> LRN(3, alpha=1, beta=1, k=2)", [1, 2, 3, 0, 1])

    assert Y.ravel() == pytest.approx([1 / 7, 2 / 16, 3 / 15, 0, 1 / 3])


def test_the_larger_half_of_an_even_response_window_lies_before():
    Y = output_of("INPUT(1x4) -> LRN(2, alpha=1, beta=1, k=1)", [1, 2, 3, 4])

    assert Y.ravel() == pytest.approx([1 / 2, 2 / 6, 3 / 14, 4 / 26])


def test_softmax_and_that_it_does_not_overflow():
    assert output_of("INPUT(3) -> SOFTMAX", np.log([1, 2, 5])) == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert output_of("INPUT(2) -> SOFTMAX", [1e4, 1e4]).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("RELU", [-1, 0, 2], [0, 0, 2]),
        ("RELU6", [-1, 3, 8], [0, 3, 6]),
        ("LEAKY(0.5)", [-4, 0, 2], [-2, 0, 2]),
        ("SIGMOID", [0, math.log(3), -math.log(3)], [0.5, 0.75, 0.25]),
        ("TANH", [0, math.log(2), -math.log(2)], [0, 0.6, -0.6]),
        ("GELU", [0, 1, -1], [0, 0.8413447460685429, -0.15865525393145707]),  # Phi(1), -(1 - Phi(1))
        ("SILU", [0, math.log(3), -math.log(3)], [0, 0.75 * math.log(3), -0.25 * math.log(3)]),
        ("HSIGMOID", [-3, 0, 9], [0, 0.5, 1]),
        ("HSWISH", [-3, 1, 9], [0, 4 / 6, 9]),
    ],
)
def test_activations(name, x, y):
    assert output_of(f"INPUT(3) -> {name}", x) == pytest.approx(y)


def test_channels_are_sliced_shuffled_and_joined():
    assert output_of("INPUT(1x6) -> SLICE(1, 3)", range(6)).ravel().tolist() == [1, 2]
    assert output_of("INPUT(1x6) -> SHUFFLE(2)", range(6)).ravel().tolist() == [0, 3, 1, 4, 2, 5]
    assert output_of("INPUT(1x2) -> CONCAT[ID | RELU | ID]", [-1, 1]).ravel().tolist() == [-1, 1, 0, 1, -1, 1]
    assert output_of("INPUT(1x2) -> ADD[ID | RELU | ID]", [-1, 1]).ravel().tolist() == [-2, 3]


def test_a_vector_multiplies_every_position():
    X, gate = np.arange(6.0).reshape(1, 3, 2), np.array([[10.0, 100.0]])

    Y, _ = run(Multiply(), {}, Mode(), gate, X)

    assert Y[0].tolist() == [[0, 100], [20, 300], [40, 500]]


def test_dropout_drops_its_share_scales_the_rest_and_depends_on_seed_step_and_place_alone():
    X = np.ones((100, 100))

    def drop(**key):
        return run(Dropout(0.25), {}, Mode(training=True, **key), X)[0]

    Y = drop(seed=1, step=2, node=3)

    assert set(np.unique(Y)) == {0, 1 / 0.75}
    assert np.mean(Y == 0) == pytest.approx(0.25, abs=0.02)
    assert np.array_equal(Y, drop(seed=1, step=2, node=3))
    for other in [
        {"seed": 2, "step": 2, "node": 3},
        {"seed": 1, "step": 3, "node": 3},
        {"seed": 1, "step": 2, "node": 4},
    ]:
        assert not np.array_equal(Y, drop(**other))
    assert np.array_equal(run(Dropout(0.25), {}, Mode(), X)[0], X)


def test_an_unknown_layer_is_named():
    class Strange(Layer):
        keyword = "STRANGE"

    with pytest.raises(NotImplementedError, match="the textbook engine has no rule for STRANGE"):
        run(Strange(), {}, Mode(), np.ones(1))
