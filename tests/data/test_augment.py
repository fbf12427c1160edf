"""Chains of transforms, mixup, and the presets."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tatami.data import Kind, load_sample
from tatami.data.augment import (
    PRESETS,
    Affine,
    Augment,
    Flip,
    Jitter,
    Scaling,
    Shift,
    TimeShift,
    TimeWarp,
    make_augment,
)
from tatami.data.augment.mixup import Mix, draw_mix
from tatami.data.draws import uniform
from tatami.errors import OptionError

RNG = np.random.default_rng(0)
DATA: dict[str, tuple[Kind, np.ndarray]] = {
    "digits": ("image", RNG.integers(0, 256, (12, 28, 28, 1), dtype=np.uint8)),
    "photos": ("image", RNG.integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)),
    "large photos": ("image", RNG.integers(0, 256, (6, 70, 64, 3), dtype=np.uint8)),
    "small float images": ("image", RNG.normal(size=(12, 3, 2, 2)).astype(np.float32)),
    "one pixel": ("image", RNG.integers(0, 256, (12, 1, 1, 3), dtype=np.uint8)),
    "signals": ("signal", RNG.normal(size=(12, 150, 1)).astype(np.float32)),
    "short signals": ("signal", RNG.normal(size=(12, 24, 6)).astype(np.float32)),
    "one step": ("signal", RNG.normal(size=(12, 1, 2)).astype(np.float32)),
}


def preset(name: str, data: str) -> Augment:
    kind, x = DATA[data]
    return make_augment(name, kind, x.shape[1:], len(x))


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", PRESETS)
def test_a_sample_comes_out_the_same_in_any_batch(name: str, data: str) -> None:
    augment, x, rows = preset(name, data), DATA[data][1], np.arange(len(DATA[data][1]))
    whole = augment(x, 7, 3, rows)
    assert (whole.dtype, whole.shape) == (x.dtype, x.shape)
    for batch in (rows[::-1], rows[2:3], np.array([4, 0, 5])):
        np.testing.assert_array_equal(augment(x[batch], 7, 3, batch), whole[batch])


@pytest.mark.parametrize("data", ["digits", "photos", "signals"])
@pytest.mark.parametrize("name", ["light", "strong"])
def test_epochs_seeds_and_samples_differ(name: str, data: str) -> None:
    augment, x, rows = preset(name, data), DATA[data][1], np.arange(12)
    first = augment(x, 7, 3, rows)
    for seed, epoch in ((7, 4), (8, 3), (3, 7)):
        same = (augment(x, seed, epoch, rows) == first).all(axis=tuple(range(1, x.ndim)))
        assert same.mean() < 0.3
    alike = np.broadcast_to(x[:1], x.shape)
    assert len({sample.tobytes() for sample in augment(alike, 7, 3, rows)}) >= 8


def test_each_transform_draws_for_itself() -> None:
    x = DATA["digits"][1]
    rows = np.arange(12)
    expected = Flip()(Shift(2)(x, uniform(1, 2, rows, 0, 2)), uniform(1, 2, rows, 1, 2))
    np.testing.assert_array_equal(Augment("image", (Shift(2), Flip()))(x, 1, 2, rows), expected)


def test_no_transform_leaves_the_samples_alone() -> None:
    x = DATA["photos"][1]
    nothing = preset("none", "photos")
    assert nothing(x, 0, 0, np.arange(12)) is x
    assert nothing.mix(0, 0, np.arange(12)) is None
    assert nothing.describe() == "none"


def test_mixup_blends_by_hand() -> None:
    mix = Mix(np.array([1, 0]), np.array([0.75, 0.5], np.float32))
    x = np.array([[8, 0], [0, 4]], np.float32)
    assert mix.blend(x).tolist() == [[6, 1], [4, 2]]
    assert mix.blend(x).dtype == np.float32
    images = np.arange(24, dtype=np.float32).reshape(2, 2, 2, 3)
    np.testing.assert_array_equal(mix.blend(images)[0], 0.75 * images[0] + 0.25 * images[1])


def test_a_part_of_a_batch_takes_along_the_partners_outside_of_it() -> None:
    mix = Mix(np.array([1, 4, 2, 0, 3]), np.array([0.5, 0.25, 0.5, 0.75, 0.5], np.float32))
    needed, own = mix.part(slice(1, 4))
    assert needed.tolist() == [1, 2, 3, 0, 4]
    assert own.partner.tolist() == [4, 1, 3]
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    np.testing.assert_array_equal(own.blend(x[needed]), mix.blend(x)[1:4])


def test_partners_are_a_permutation_and_shares_are_beta() -> None:
    rows = np.arange(3000)
    mix = draw_mix(0.4, 1, 2, rows)
    assert (mix.partner.dtype, mix.share.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(np.sort(mix.partner), rows)
    assert mix.share.min() >= 0
    assert mix.share.max() <= 1
    assert stats.kstest(mix.share, stats.beta(0.4, 0.4).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(mix.partner, rows)[0, 1]) < 0.06
    again, later = draw_mix(0.4, 1, 2, rows), draw_mix(0.4, 1, 3, rows)
    np.testing.assert_array_equal(again.partner, mix.partner)
    np.testing.assert_array_equal(again.share, mix.share)
    assert (later.partner == mix.partner).mean() < 0.01
    assert (later.share == mix.share).mean() < 0.01
    np.testing.assert_array_equal(draw_mix(0.4, 1, 2, rows[50:60]).share, mix.share[50:60])


def test_one_sample_is_not_mixed() -> None:
    augment = Augment("image", mixup=0.2)
    assert augment.mix(0, 0, np.array([3])) is None
    assert augment.mix(0, 0, np.array([3, 4])) is not None


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        ("digits", "light", "shift 2, rotate 10°, scale 0.9-1.1, shear 5°"),
        (
            "digits",
            "strong",
            "shift 2, rotate 15°, scale 0.85-1.15, shear 10°, brightness 0.1, contrast 0.2, cutout 7, mixup 0.2",
        ),
        ("photos", "light", "crop with 4 more pixels a side, flip left and right"),
        (
            "photos",
            "strong",
            "crop with 4 more pixels a side, flip left and right, brightness 0.2, contrast 0.2, saturation 0.2,"
            " cutout 8, mixup 0.2",
        ),
        (
            "large photos",
            "strong",
            "crop of 35% to 100%, flip left and right, brightness 0.2, contrast 0.2, saturation 0.2, cutout 16, mixup 0.2",  # noqa: E501
        ),
        ("signals", "light", "shift 3 steps, time warp 10%, scaling 5%, jitter 2% of the std"),
        (
            "signals",
            "strong",
            "slices of 90%, shift 8 steps, time warp 30%, magnitude warp 20%, scaling 10%, jitter 5% of the std, mixup 0.2",  # noqa: E501
        ),
    ],
)
def test_presets_in_words(data: str, name: str, words: str) -> None:
    assert preset(name, data).describe() == words
    assert preset(name.upper(), data) == preset(name, data)


def test_auto_is_light() -> None:
    for data in DATA:
        assert preset("auto", data) == preset("light", data)


def test_digits_and_signals_are_never_mirrored() -> None:
    for name in PRESETS:
        assert not any(isinstance(t, Flip) for data in ("digits", "signals") for t in preset(name, data).transforms)
    assert any(isinstance(t, Flip) and not t.vertical for t in preset("light", "photos").transforms)


def test_light_leaves_digits_legible() -> None:
    """A nearest-neighbour classifier, which knows nothing of invariance, still tells them apart."""
    x, y = load_sample("digits").train.x[:1500], load_sample("digits").train.y[:1500]
    augmented = make_augment("light", "image", (28, 28, 1), 5000)(x[:150], 0, 1, np.arange(150))
    flat, rest = augmented.reshape(150, -1).astype(float), x[150:].reshape(1350, -1).astype(float)
    distance = (flat**2).sum(1)[:, None] + (rest**2).sum(1) - 2 * flat @ rest.T
    assert (y[150:][distance.argmin(axis=1)] == y[:150]).mean() > 0.6


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lite", "unknown augmentation; got lite; expected none, light, strong, auto (hint: did you mean light?)"),
        ("xyz", "unknown augmentation; got xyz; expected none, light, strong, auto"),
    ],
)
def test_unknown_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(OptionError) as error:
        make_augment(name, "image", (28, 28, 1), 100)
    assert str(error.value) == message


def test_impossible_mixup_is_refused() -> None:
    with pytest.raises(OptionError) as error:
        Augment("image", mixup=-0.1)
    assert str(error.value) == "impossible mixup; got -0.1; expected a number from 0"


def test_zero_effects_have_words() -> None:
    chain = Augment("image", (Affine(), Flip(vertical=True)), mixup=0.5)
    assert chain.describe() == "rotate 0°, flip in both directions, mixup 0.5"
    signals = Augment("signal", (TimeShift(1), TimeWarp(0.2), Scaling(0.1), Jitter(0.125)))
    assert signals.describe() == "shift 1 steps, time warp 20%, scaling 10%, jitter 12.5% of the std"
