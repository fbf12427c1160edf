import numpy as np
import pytest

from tatami.engines.initial import initial_weights
from tatami.network import find_network

WIDE = find_network("INPUT(8x8x64) -> CONV(200, 5, groups=2) -> BN -> FC(10)").build()


def test_he_keeps_the_variance_through_relus():
    weights = initial_weights(WIDE, 0, np.dtype("float64"), "he")

    assert weights["conv1.weight"].std() == pytest.approx(np.sqrt(2 / (5 * 5 * 32)), rel=0.01)
    assert weights["fc1.weight"].std() == pytest.approx(np.sqrt(2 / (8 * 8 * 200)), rel=0.01)
    assert abs(weights["conv1.weight"].mean()) < 1e-3


def test_xavier_is_uniform_within_its_bound():
    weights = initial_weights(WIDE, 0, np.dtype("float64"), "xavier")["conv1.weight"]
    bound = np.sqrt(6 / (5 * 5 * 32 + 5 * 5 * 100))

    assert bound * 0.999 < np.abs(weights).max() <= bound
    assert weights.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)


def test_scales_and_running_variances_start_at_one_and_all_else_at_zero():
    weights = initial_weights(WIDE, 0, np.dtype("float32"))

    assert {n for n, v in weights.items() if (v == 1).all()} == {"bn1.weight", "bn1.running_var"}
    assert {n for n, v in weights.items() if (v == 0).all()} == {"bn1.bias", "bn1.running_mean", "fc1.bias"}
    assert set(weights) == set(WIDE.parameters())
    assert all(v.dtype == np.float32 for v in weights.values())


def test_a_weight_does_not_depend_on_what_follows_nor_on_the_dtype():
    longer = find_network("INPUT(8x8x64) -> CONV(200, 5, groups=2) -> BN -> FC(3)").build()

    first, second = initial_weights(WIDE, 4, np.dtype("float32")), initial_weights(longer, 4, np.dtype("float64"))

    assert np.array_equal(first["conv1.weight"], second["conv1.weight"].astype(np.float32))
    assert not np.array_equal(first["conv1.weight"], initial_weights(WIDE, 5, np.dtype("float32"))["conv1.weight"])


def test_a_scale_starts_where_it_says():
    weights = initial_weights(find_network("INPUT(4x3) -> SCALE(init=1e-6) -> SCALE").build(), 0, np.dtype("float64"))

    assert {name: value.tolist() for name, value in weights.items()} == {
        "scale1.weight": [1e-6] * 3,
        "scale2.weight": [1.0] * 3,
    }
