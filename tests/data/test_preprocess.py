"""Preprocessing against NumPy's mean and std, Pillow's resize, and its own JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tatami.data import Preprocess, invert, load
from tatami.data import preprocess as module
from tatami.errors import DataError, RunError

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (9, 6, 5, 3), dtype=np.uint8)
SIGNALS = RNG.normal([3, -200], [0.1, 50], (40, 30, 2)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 100, 2**22])
def test_fit_is_numpys_mean_and_std_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    fitted = Preprocess.fit(RGB, "image")
    assert (fitted.kind, fitted.shape, fitted.scale) == ("image", (6, 5, 3), 1 / 255)
    np.testing.assert_allclose(fitted.mean, (RGB / 255).mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, (RGB / 255).std(axis=(0, 1, 2)), rtol=1e-12)
    fitted = Preprocess.fit(SIGNALS, "signal")
    assert fitted.scale == 1
    np.testing.assert_allclose(fitted.mean, SIGNALS.astype(float).mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(fitted.std, SIGNALS.astype(float).std(axis=(0, 1)), rtol=1e-12)


@pytest.mark.parametrize(("x", "kind"), [(RGB, "image"), (SIGNALS, "signal")])
def test_channels_come_out_standardised(x: np.ndarray, kind: Any) -> None:
    before = x.copy()
    out = Preprocess.fit(x, kind)(x)
    assert out.dtype == np.float32
    assert out.shape == x.shape
    axes = tuple(range(x.ndim - 1))
    np.testing.assert_allclose(out.mean(axis=axes, dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=axes, dtype=float), 1, atol=1e-5)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e8])
def test_constant_channels_are_only_centred(value: float) -> None:
    x = np.full((5, 8, 1), value, np.float32)
    fitted = Preprocess.fit(x, "signal")
    assert fitted.std == (1.0,)
    np.testing.assert_allclose(fitted(x), 0, atol=1e-6)
    assert Preprocess.fit(np.full((5, 4, 4, 1), 200, np.uint8), "image").std == (1.0,)


def test_small_units_are_not_taken_for_constant() -> None:
    out = Preprocess.fit(SIGNALS * np.float32(1e-12), "signal")(SIGNALS * np.float32(1e-12))
    np.testing.assert_allclose(out.std(axis=(0, 1)), 1, atol=1e-4)


def test_call_refuses_what_training_did_not_see() -> None:
    images, signals = Preprocess.fit(RGB, "image"), Preprocess.fit(SIGNALS, "signal")
    with pytest.raises(DataError) as caught:
        images(RGB[:, :5], "a.npz")
    assert str(caught.value) == "a.npz: samples of another shape; got (5, 5, 3); expected (6, 5, 3), as in training"
    with pytest.raises(DataError) as caught:
        images(RGB.astype(np.float32))
    assert str(caught.value) == (
        "samples of another range of values; got float32; expected uint8, 0 to 255, as in training"
    )
    with pytest.raises(DataError, match="got uint8; expected floats on the scale of training"):
        signals(SIGNALS.astype(np.uint8))


def test_adapt_leaves_what_fits() -> None:
    fitted = Preprocess.fit(RGB, "image")
    assert fitted.adapt(RGB[0]) is RGB[0] or np.shares_memory(fitted.adapt(RGB[0]), RGB[0])


@settings(max_examples=40, deadline=None)
@given(
    image=hnp.arrays("uint8", st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]))),
    channels=st.sampled_from([1, 3]),
)
def test_adapt_is_pillows_convert_and_resize(image: np.ndarray, channels: int) -> None:
    fitted = Preprocess("image", (6, 5, channels), 1 / 255, (0.5,) * channels, (0.2,) * channels)
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("L" if channels == 1 else "RGB")
    expected = np.asarray(picture.resize((5, 6), Image.Resampling.BILINEAR)).reshape(6, 5, channels)
    adapted = fitted.adapt(image)
    np.testing.assert_array_equal(adapted, expected, strict=True)
    assert fitted(adapted[None]).shape == (1, 6, 5, channels)


def test_shrinking_is_antialiased() -> None:
    """A checkerboard of single pixels becomes grey; without antialiasing it stays black and white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None]
    small = Preprocess("image", (8, 8, 1), 1 / 255, (0.5,), (0.2,)).adapt(board)
    assert small.min() > 110
    assert small.max() < 145


def test_other_depths_are_resized_but_not_guessed() -> None:
    fitted = Preprocess("image", (4, 4, 5), 1 / 255, (0.5,) * 5, (0.2,) * 5)
    assert fitted.adapt(np.zeros((8, 8, 5), np.uint8)).shape == (4, 4, 5)
    with pytest.raises(DataError) as caught:
        fitted.adapt(RGB[0], "cat.png")
    assert str(caught.value) == (
        "cat.png: an image of another depth; got (6, 5, 3); expected 5 channels, as in training"
    )


def test_what_cannot_be_adapted() -> None:
    signals = Preprocess.fit(SIGNALS, "signal")
    with pytest.raises(DataError) as caught:
        signals.adapt(SIGNALS[0, :29], "a.npz[0]")
    assert str(caught.value) == (
        "a.npz[0]: a signal of another length or depth; got (29, 2); expected (30, 2), as in training"
    )
    with pytest.raises(DataError, match=r"cat\.png: samples of another range of values; got uint8"):
        signals.adapt(RGB[0], "cat.png")
    images = Preprocess.fit(RGB, "image")
    with pytest.raises(DataError, match="only uint8 images are resized; got uint8 \\(30, 2\\)"):
        images.adapt(np.zeros((30, 2), np.uint8))
    floats = Preprocess.fit(RGB / np.float32(255), "image")
    with pytest.raises(DataError, match="only uint8 images are resized; got float32"):
        floats.adapt(np.zeros((3, 3, 3), np.float32))


@pytest.mark.parametrize(("x", "kind"), [(RGB, "image"), (SIGNALS, "signal")])
def test_dict_round_trip_through_json(x: np.ndarray, kind: Any) -> None:
    fitted = Preprocess.fit(x, kind)
    assert Preprocess.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    assert hash(fitted) == hash(replace(fitted))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "sound"}, "preprocessing with a bad kind; got 'sound'; expected image or signal"),
        ({"kind": ["image"]}, "preprocessing with a bad kind; got ['image']; expected image or signal"),
        ({"shape": [6, 5]}, "preprocessing with a bad shape; got [6, 5]; expected 3 whole numbers from 1"),
        ({"shape": [6, 5, 0]}, "preprocessing with a bad shape; got [6, 5, 0]; expected 3 whole numbers from 1"),
        ({"shape": [6, 5, True]}, "preprocessing with a bad shape; got [6, 5, True]; expected 3 whole numbers from 1"),
        ({"scale": 0}, "preprocessing with a bad scale; got 0; expected a number above 0"),
        ({"scale": "1"}, "preprocessing with a bad scale; got '1'; expected a number above 0"),
        ({"mean": [0.5]}, "preprocessing with a bad mean; got [0.5]; expected 3 numbers, one a channel"),
        ({"mean": [0, 0, float("nan")]}, "preprocessing with a bad mean; got [0, 0, nan]; expected 3 numbers, one a"),
        ({"std": [1, 1, 0.0]}, "preprocessing with a bad std; got [1, 1, 0.0]; expected numbers above 0"),
        (
            {"crop": 3},
            "preprocessing with other fields; got crop, kind, mean, pads, scale, shape, std; expected kind, mean, ",
        ),
    ],
)
def test_from_dict_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RunError) as caught:
        Preprocess.from_dict(Preprocess.fit(RGB, "image").to_dict() | change, "run/config.toml")
    assert str(caught.value).startswith(f"run/config.toml: {message}")


def test_from_dict_refuses_nothing_at_all() -> None:
    with pytest.raises(
        RunError, match="preprocessing with other fields; got none; expected kind, mean, pads, scale, shape, std"
    ):
        Preprocess.from_dict({})


def test_digits_have_the_tone_of_training_and_their_negatives_have_not() -> None:
    digits = load("sample:digits")
    assert digits.test is not None
    fitted = Preprocess.fit(digits.train.x, "image")
    assert {fitted.tone(x) for x in digits.test.x} == {""}
    assert {fitted.tone(invert(x)) for x in digits.test.x} == {"brighter"}
    assert {Preprocess.fit(invert(digits.train.x), "image").tone(x) for x in digits.test.x} == {"darker"}


def test_tone_needs_every_channel_and_uint8_images() -> None:
    fitted = Preprocess("image", (2, 2, 3), 1 / 255, (0.1, 0.1, 0.1), (0.2, 0.2, 0.2))
    white = np.full((2, 2, 3), 255, np.uint8)
    assert fitted.tone(white) == "brighter"
    assert fitted.tone(white * np.array([1, 1, 0], np.uint8)) == ""
    assert fitted.tone(white.astype(np.float32)) == ""
    # Far from a mean in the middle, but its negative is as far: inverting would not help.
    assert Preprocess("image", (2, 2, 1), 1 / 255, (0.5,), (0.1,)).tone(white[..., :1]) == ""
    assert Preprocess.fit(SIGNALS, "signal").tone(SIGNALS[0] + 1000) == ""


def test_invert() -> None:
    assert invert(np.array([[[0], [255], [7]]], np.uint8)).tolist() == [[[255], [0], [248]]]
    assert invert(RGB).dtype == np.uint8
    with pytest.raises(DataError) as caught:
        invert(SIGNALS, "a.npz")
    assert str(caught.value) == "a.npz: only uint8 images are inverted; got float32; expected uint8, 0 to 255"


def test_signals_of_other_lengths_are_padded_or_cropped_where_training_did() -> None:
    preprocess = Preprocess.fit(np.ones((3, 4, 2), np.float32), "signal", pads=True)
    again = Preprocess.from_dict(preprocess.to_dict())
    assert again == preprocess
    series = np.arange(12, dtype=np.float32).reshape(6, 2)
    np.testing.assert_array_equal(again.adapt(series), series[:4])
    np.testing.assert_array_equal(again.adapt(series[:3]), [*series[:3], [0, 0]])
    with pytest.raises(DataError, match="a signal of another length or depth"):
        again.adapt(series[:, :1])
    old = {key: value for key, value in preprocess.to_dict().items() if key != "pads"}
    with pytest.raises(DataError, match="a signal of another length or depth"):
        Preprocess.from_dict(old).adapt(series)
    with pytest.raises(RunError, match="preprocessing with a bad pads; got 1; expected true or false"):
        Preprocess.from_dict({**old, "pads": 1})
