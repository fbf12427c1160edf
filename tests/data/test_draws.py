"""Random numbers by counter against the published SplitMix64, and against what chance should look like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tatami.data import draws
from tatami.data.draws import even, normal, uniform

INDICES = np.arange(500)


def split_mix(seed: int, count: int) -> list[int]:
    """SplitMix64 as in the paper's figure 16, in Python's whole numbers."""
    mask, outputs = 2**64 - 1, []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        outputs.append(z ^ (z >> 31))
    return outputs


def test_the_generator_is_split_mix() -> None:
    # The first outputs for the seed 1234567 as they are widely published.
    assert split_mix(1234567, 3) == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    found = draws._absorb(np.array([1234567], np.uint64), np.arange(50, dtype=np.uint64))
    assert found.tolist() == split_mix(1234567, 50)


def test_a_sample_has_a_generator_of_its_own() -> None:
    key = 0
    for value in (7, 3, 2):  # seed, epoch, stream
        key = split_mix(key, value + 1)[-1]
    key = split_mix(key, 41 + 1)[-1]
    expected = [(output >> 11) / 2**53 for output in split_mix(key, 5)]
    assert uniform(7, 3, np.array([41]), 2, 5).tolist() == [expected]


def test_numbers_depend_on_the_sample_and_not_on_its_batch() -> None:
    whole = uniform(1, 2, INDICES, 3, 8)
    order = np.random.default_rng(0).permutation(len(INDICES))
    np.testing.assert_array_equal(uniform(1, 2, INDICES[order], 3, 8), whole[order])
    np.testing.assert_array_equal(uniform(1, 2, INDICES[17:18], 3, 8), whole[17:18])
    np.testing.assert_array_equal(uniform(1, 2, INDICES, 3, 5), whole[:, :5])


@pytest.mark.parametrize(
    "other", [(2, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3), (1, 3, 2), (-1, 2, 3), (2**32 + 1, 2, 3)]
)
def test_any_other_seed_epoch_or_stream_gives_other_numbers(other: tuple[int, int, int]) -> None:
    first, second = uniform(1, 2, INDICES, 3, 4), uniform(other[0], other[1], INDICES, other[2], 4)
    assert not (first == second).any()
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


ALONG = {
    "seed": lambda k: uniform(k, 1, np.array([5]), 0, 10),
    "epoch": lambda k: uniform(0, k, np.array([5]), 0, 10),
    "stream": lambda k: uniform(0, 1, np.array([5]), k, 10),
    "index": lambda k: uniform(0, 1, np.arange(10 * k, 10 * k + 10), 0, 1),
    "draw": lambda k: uniform(0, 1, np.array([5]), 0, 10 * k + 10)[:, 10 * k :],
}


@pytest.mark.parametrize("axis", ALONG)
def test_numbers_are_even_and_independent_along_each_of_their_counters(axis: str) -> None:
    n = 10_000
    values = np.concatenate([ALONG[axis](k).ravel() for k in range(n // 10)])
    assert values.min() >= 0
    assert values.max() < 1
    assert abs(values.mean() - 1 / 2) < 4 * np.sqrt(1 / 12 / n)
    assert abs(values.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / n)
    # Chi-square of single numbers, and of neighbours in pairs on a grid.
    assert stats.chisquare(np.histogram(values, 64, (0, 1))[0]).pvalue > 1e-4
    pairs = np.histogram2d(values[0::2], values[1::2], 16, [(0, 1), (0, 1)])[0]
    assert stats.chisquare(pairs.ravel()).pvalue > 1e-4


def test_normal_numbers_are_normal() -> None:
    found = normal(uniform(0, 0, np.arange(100), 0, 200))
    assert found.shape == (100, 200)
    assert stats.kstest(found.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(found[:, :100].ravel(), found[:, 100:].ravel())[0, 1]) < 0.05
    assert np.isfinite(normal(np.array([[0.0, 0.0], [1 - 2**-53, 1 - 2**-53]]))).all()
    assert (even(0), even(1), even(2), even(7)) == (0, 2, 2, 8)
