"""Transforms of signals against hand arithmetic and NumPy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tatami.data.augment import Jitter, MagnitudeWarp, Scaling, TimeShift, TimeWarp, Transform, WindowSlice
from tatami.data.augment.curve import curve
from tatami.data.augment.linear import linear
from tatami.data.draws import uniform
from tatami.errors import OptionError

RNG = np.random.default_rng(0)
X = RNG.normal([0, 100], [1, 20], (5, 40, 2)).astype(np.float32)
WITHOUT_EFFECT = [Jitter(0), Scaling(0), MagnitudeWarp(0), TimeWarp(0), WindowSlice(1), TimeShift(0)]
TRANSFORMS = [Jitter(0.1), Scaling(0.2), MagnitudeWarp(0.3, 3), TimeWarp(0.8), WindowSlice(0.6), TimeShift(4)]


def chance(transform: Transform, x: np.ndarray, seed: int = 0) -> np.ndarray:
    return uniform(seed, 1, np.arange(len(x)), 0, transform.draws(x.shape[1:]))


@pytest.mark.parametrize("transform", WITHOUT_EFFECT, ids=repr)
def test_without_strength_nothing_changes_bit_for_bit(transform: Transform) -> None:
    np.testing.assert_array_equal(transform(X, chance(transform, X)), X)


def test_jitter_is_normal_noise_in_proportion_to_each_channel() -> None:
    x = np.tile(X, (40, 10, 1))  # 200 signals of 400 steps
    noise = Jitter(0.1)(x, chance(Jitter(0.1), x)).astype(float) - x
    relative = noise / x.astype(float).std(axis=1, keepdims=True)
    np.testing.assert_allclose(relative.std(axis=(0, 1)), 0.1, rtol=0.02)
    np.testing.assert_allclose(relative.mean(axis=(0, 1)), 0, atol=0.002)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.02
    constant = np.full((2, 9, 1), 5, np.float32)
    np.testing.assert_array_equal(Jitter(0.1)(constant, chance(Jitter(0.1), constant)), constant)


def test_scaling_takes_one_factor_a_channel() -> None:
    x = np.ones((2000, 3, 3), np.float32)
    factors = Scaling(0.2)(x, chance(Scaling(0.2), x))
    np.testing.assert_array_equal(factors, factors[:, :1].repeat(3, axis=1))
    np.testing.assert_allclose(factors[:, 0].std(axis=0), 0.2, rtol=0.06)
    np.testing.assert_allclose(factors[:, 0].mean(axis=0), 1, atol=0.02)
    np.testing.assert_allclose(np.corrcoef(factors[:, 0].T), np.eye(3), atol=0.08)


def test_a_magnitude_warp_is_a_smooth_curve_about_one() -> None:
    x = np.ones((300, 101, 2), np.float32)
    out = MagnitudeWarp(0.2)(x, chance(MagnitudeWarp(0.2), x))
    assert 0.8 <= out.min() < 0.82
    assert 1.18 < out.max() <= 1.2 + 1e-6
    # Between knots 100/3 steps apart, 0.4 at most, and at most 1.5 times as steep as a straight line.
    assert np.abs(np.diff(out, axis=1)).max() <= 0.4 * 1.5 / (100 / 3) + 1e-6
    assert abs(np.corrcoef(out[:, 50].T)[0, 1]) < 0.2
    by_hand = MagnitudeWarp(0.5, 2)(np.full((1, 3, 1), 8, np.float32), np.array([[0, 1.0]]))
    assert by_hand.ravel().tolist() == [4, 8, 12]


def test_curves_run_through_their_knots_and_stay_among_them() -> None:
    knots = RNG.uniform(-1, 3, (6, 4))
    found = curve(knots, 31)
    np.testing.assert_allclose(found[:, ::10], knots, atol=1e-12)
    for k in range(3):
        part = found[:, 10 * k : 10 * k + 11]
        assert (np.diff(part, axis=1) * np.sign(knots[:, k + 1] - knots[:, k])[:, None] >= -1e-12).all()


def test_linear_is_numpys_interp() -> None:
    at = RNG.uniform(-2, 42, (5, 40))
    for c in range(2):
        expected = [np.interp(at[i], np.arange(40), X[i, :, c]) for i in range(5)]
        np.testing.assert_allclose(linear(X, at)[..., c], expected, rtol=1e-5, atol=1e-5)


def test_a_time_warp_keeps_the_ends_and_the_order() -> None:
    ramp = np.arange(50, dtype=np.float32).reshape(1, 50, 1).repeat(200, axis=0)
    out = TimeWarp(0.9)(ramp, chance(TimeWarp(0.9), ramp))[..., 0]
    np.testing.assert_array_equal(out[:, 0], 0)
    np.testing.assert_allclose(out[:, -1], 49, rtol=1e-6)
    assert (np.diff(out, axis=1) > 0).all()
    assert np.abs(out - ramp[..., 0]).max() > 5
    # By hand: steps of pace 0.5, 1 and 1.5 on the way from 0 to 3.
    out = TimeWarp(0.5, 2)(np.arange(4, dtype=np.float32).reshape(1, 4, 1), np.array([[0, 1.0]]))
    np.testing.assert_allclose(out.ravel(), [0, 0.5, 1.5, 3])


def test_all_channels_are_warped_alike() -> None:
    x = X[..., :1].repeat(2, axis=2)
    for transform in (TimeWarp(0.5), WindowSlice(0.7), TimeShift(5)):
        out = transform(x, chance(transform, x))
        np.testing.assert_array_equal(out[..., 0], out[..., 1])


def test_a_slice_is_stretched_to_the_whole_length() -> None:
    x = np.arange(11, dtype=np.float32).reshape(1, 11, 1)
    for u, start in ((0.0, 0.0), (0.5, 2.5), (1.0, 5.0)):
        out = WindowSlice(0.5)(x, np.array([[u]]))
        np.testing.assert_allclose(out.ravel(), start + np.arange(11) / 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("u", "expected"), [(0.0, [2, 3, 4, 4, 4]), (0.3, [1, 2, 3, 4, 4]), (0.5, [0, 1, 2, 3, 4]), (0.9, [0, 0, 0, 1, 2])]
)
def test_a_shift_in_time_holds_the_last_value(u: float, expected: list[int]) -> None:
    x = np.arange(5, dtype=np.float32).reshape(1, 5, 1)
    assert TimeShift(2)(x, np.array([[u]])).ravel().tolist() == expected


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 5), L=st.integers(1, 30), C=st.integers(1, 4))
def test_samples_keep_dtype_and_shape_and_do_not_know_their_batch(transform: Transform, n: int, L: int, C: int) -> None:
    x = np.random.default_rng(L).normal(size=(n, L, C)).astype(np.float32)
    before, u = x.copy(), chance(transform, x)
    out = transform(x, u)
    assert (out.dtype, out.shape) == (x.dtype, x.shape)
    assert np.isfinite(out).all()
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(out[-1:], transform(x[-1:], u[-1:]))
    np.testing.assert_array_equal(out, transform(x[::-1], u[::-1])[::-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Jitter(-1), "Jitter: impossible strength; got -1; expected a number from 0"),
        (lambda: Scaling(-1), "Scaling: impossible strength; got -1; expected a number from 0"),
        (lambda: MagnitudeWarp(-1), "MagnitudeWarp: impossible strength; got -1; expected a number from 0"),
        (lambda: MagnitudeWarp(1, 1), "MagnitudeWarp: impossible knots; got 1; expected a whole number from 2"),
        (lambda: TimeWarp(1), "TimeWarp: impossible strength; got 1; expected a number from 0 and under 1"),
        (lambda: TimeWarp(0.5, 1), "TimeWarp: impossible knots; got 1; expected a whole number from 2"),
        (lambda: WindowSlice(0), "WindowSlice: impossible share; got 0; expected a number above 0 and at most 1"),
        (lambda: TimeShift(-1), "TimeShift: impossible steps; got -1; expected a whole number from 0"),
    ],
)
def test_impossible_values_are_refused(make: object, message: str) -> None:
    with pytest.raises(OptionError) as error:
        make()  # type: ignore[operator]
    assert str(error.value) == message
