"""Transforms of images against hand arithmetic, NumPy's flips and rotations, and SciPy's interpolation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from tatami.data.augment import Affine, Colour, Crop, Cutout, Flip, ResizedCrop, Shift, Transform
from tatami.data.augment.bilinear import bilinear
from tatami.data.augment.frame import border_median, framed
from tatami.data.draws import uniform
from tatami.errors import OptionError

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (6, 7, 9, 3), dtype=np.uint8)
SQUARES = RNG.integers(0, 256, (4, 6, 6, 1), dtype=np.uint8)
ALMOST_1 = 1 - 2**-53

TRANSFORMS: list[Transform] = [
    Crop(3),
    Crop(40),
    Crop(2, "edge"),
    Crop(2, "border"),
    Shift(2),
    Shift(2, "edge"),
    Flip(),
    Flip(vertical=True),
    Affine(30, (0.7, 1.4), 20),
    Affine(180, fill="edge"),
    ResizedCrop((0.1, 1)),
    Colour(0.5, 0.5, 1),
    Cutout(3),
    Cutout(100),
]


def drawn(*numbers: float, n: int = 1) -> np.ndarray:
    """The same random numbers for each of ``n`` samples."""
    return np.array([numbers] * n, float)


def test_a_flip_is_the_mirror_image() -> None:
    out = Flip()(PHOTOS[:2], np.array([[0.1, 0.1], [0.9, 0.1]]))
    np.testing.assert_array_equal(out, [PHOTOS[0, :, ::-1], PHOTOS[1]])
    out = Flip(vertical=True)(PHOTOS[:3], np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]))
    np.testing.assert_array_equal(out, [PHOTOS[0, ::-1, ::-1], PHOTOS[1, ::-1], PHOTOS[2]])


def test_a_shift_moves_by_the_pixels_drawn_and_fills_with_the_border() -> None:
    x = np.full((1, 4, 5, 1), 9, np.uint8)
    x[0, 1:3, 1:4, 0] = [[1, 2, 3], [4, 5, 6]]
    down_1_left_2 = drawn(0.7, 0.0)  # of -2 .. 2, a fifth each
    out = Shift(2)(x, down_1_left_2)[0, :, :, 0]
    assert out.tolist() == [[9, 9, 9, 9, 9], [9, 9, 9, 9, 9], [2, 3, 9, 9, 9], [5, 6, 9, 9, 9]]
    np.testing.assert_array_equal(Shift(2)(x, drawn(0.5, 0.5)), x)


def test_a_shift_repeats_the_edge_if_told() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    out = Shift(1, "edge")(x, drawn(0.0, ALMOST_1))[0, :, :, 0]  # up and to the right
    assert out.tolist() == [[3, 3, 4], [3, 3, 4]]


def test_every_shift_is_as_likely_as_another() -> None:
    x = np.zeros((2000, 9, 9, 1), np.uint8)
    x[:, 4, 4] = 1
    out = Shift(2)(x, uniform(0, 0, np.arange(2000), 0, 2))
    counts = out.sum(axis=0)[..., 0]
    assert counts[2:7, 2:7].sum() == 2000
    assert counts[2:7, 2:7].min() > 2000 / 25 / 2


@pytest.mark.parametrize("fill", ["reflect", "edge"])
def test_a_crop_is_a_window_of_numpys_padding(fill: str) -> None:
    padded = np.pad(PHOTOS[:1], ((0, 0), (2, 2), (2, 2), (0, 0)), fill)  # type: ignore[call-overload]
    out = Crop(2, fill)(PHOTOS[:1], drawn(0.0, ALMOST_1))  # type: ignore[arg-type]
    np.testing.assert_array_equal(out, padded[:, :7, 4:])
    np.testing.assert_array_equal(Crop(2)(PHOTOS, drawn(0.5, 0.5, n=6)), PHOTOS)


def test_the_border_is_the_background() -> None:
    x = np.full((2, 5, 5, 2), 7, np.uint8)
    x[0, 1:-1, 1:-1] = 200
    x[1, :, :, 1] = 50
    x[1, 0, :2] = 255  # something that reaches the border
    assert border_median(x).tolist() == [[7, 7], [7, 50]]
    out = framed(x, 1, "border")
    assert out.shape == (2, 7, 7, 2)
    assert out[:, 0, 0].tolist() == [[7, 7], [7, 50]]
    np.testing.assert_array_equal(out[:, 1:-1, 1:-1], x)


@pytest.mark.parametrize("x", [SQUARES, PHOTOS, PHOTOS.astype(np.float32) / 255])
def test_affine_without_effect_is_the_identity_bit_for_bit(x: np.ndarray) -> None:
    u = uniform(0, 0, np.arange(len(x)), 0, 3)
    np.testing.assert_array_equal(Affine()(x, u), x)
    np.testing.assert_array_equal(Affine(30, (0.5, 2), 10)(x, drawn(0.5, 0.5, 0.5, n=len(x))), x)


@pytest.mark.parametrize("x", [SQUARES, SQUARES[:, :5, :5], PHOTOS[:, :, :7], SQUARES / np.float32(255)])
@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2)])
def test_a_right_angle_is_numpys_rot90(x: np.ndarray, degrees: int, turns: int) -> None:
    near = {"rtol": 0, "atol": 1e-5 if x.dtype == np.float32 else 0}
    right, left = Affine(degrees)(x, drawn(1, 0, 0, n=len(x))), Affine(degrees)(x, drawn(0, 0, 0, n=len(x)))
    np.testing.assert_allclose(right, np.rot90(x, turns, axes=(1, 2)), **near)
    np.testing.assert_allclose(left, np.rot90(x, -turns, axes=(1, 2)), **near)


def test_double_size_by_hand() -> None:
    x = np.array([0, 0, 80, 40, 0, 0], np.float32).reshape(1, 1, 6, 1)
    out = Affine(scale=(2, 2), fill="edge")(x, drawn(0, 0.3, 0))
    # Pixel j comes from 2.5 + (j - 2.5) / 2: 1.25, 1.75, 2.25, 2.75, 3.25, 3.75.
    np.testing.assert_allclose(out.ravel(), [20, 60, 70, 50, 30, 10], rtol=1e-6)


def test_a_shear_moves_rows_apart() -> None:
    x = np.zeros((1, 3, 5, 1), np.uint8)
    x[0, :, 2] = 100
    out = Affine(shear=45)(x, drawn(0, 0, 1))[0, :, :, 0]
    assert out.tolist() == [[0, 100, 0, 0, 0], [0, 0, 100, 0, 0], [0, 0, 0, 100, 0]]


def test_affine_is_scipys_interpolation_of_the_transformed_grid() -> None:
    x = RNG.normal(size=(5, 8, 11, 2)).astype(np.float32)
    transform, u = Affine(40, (0.6, 1.5), 25, fill="edge"), uniform(3, 0, np.arange(5), 0, 3)
    out = transform(x, u)
    for image, turned, (angle, size, lean) in zip(x, out, u, strict=True):
        angle, lean, factor = np.radians(80 * angle - 40), np.radians(50 * lean - 25), 0.6 * 2.5**size
        # In (row, column) with rows downwards: first the shear, then the scale, then the turn counterclockwise.
        shear = np.array([[1, 0], [np.tan(lean), 1]])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        back = np.linalg.inv(factor * turn @ shear)
        middle = np.array([3.5, 5.0])[:, None, None]
        grid = np.stack(np.meshgrid(np.arange(8), np.arange(11), indexing="ij")) - middle
        at = np.einsum("ij,jhw->ihw", back, grid) + middle
        for c in range(2):
            expected = map_coordinates(image[..., c], at, order=1, mode="nearest")
            np.testing.assert_allclose(turned[..., c], expected, atol=1e-4)


def test_outside_lies_the_border() -> None:
    x = np.full((1, 3, 3, 1), 9, np.uint8)
    x[0, 1, 1] = 1
    rows = np.array([[-5, -0.5, 1], [1, 2.5, 7]], np.float32).repeat(2, axis=0)[None, :3]
    columns = np.array([1, 1, 1], np.float32)
    assert bilinear(x, rows, columns, "border")[0, ..., 0].tolist() == [[9, 9, 1], [9, 9, 1], [1, 9, 9]]


def test_a_resized_crop_of_everything_is_the_identity_bit_for_bit() -> None:
    np.testing.assert_array_equal(ResizedCrop((1, 1), (1, 1))(PHOTOS, uniform(0, 0, np.arange(6), 0, 4)), PHOTOS)


def test_a_resized_crop_stretches_a_part() -> None:
    x = np.arange(8, dtype=np.float32).reshape(1, 1, 8, 1).repeat(8, axis=1)
    quarter = ResizedCrop((0.25, 0.25), (1, 1))
    # Half of the width, from pixel 0 on or up to pixel 7: centres half a pixel apart, the outermost beyond the edge.
    expected = np.clip(np.arange(8) / 2 - 0.25, 0, None)
    np.testing.assert_allclose(quarter(x, drawn(0, 0, 0, 0))[0, 3, :, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(quarter(x, drawn(0, 0, 0, 1))[0, 3, :, 0], 7 - expected[::-1], rtol=1e-6)


def test_brightness_and_contrast_by_hand() -> None:
    x = np.array([100, 140, 120, 120], np.uint8).reshape(1, 2, 2, 1)
    assert Colour(brightness=0.2)(x, drawn(1, 0.5, 0.5)).ravel().tolist() == [151, 191, 171, 171]
    assert Colour(brightness=1)(x, drawn(0, 0.5, 0.5)).ravel().tolist() == [0, 0, 0, 0]
    assert Colour(contrast=0.5)(x, drawn(0.5, 1, 0.5)).ravel().tolist() == [90, 150, 120, 120]
    assert Colour(contrast=1)(x, drawn(0.5, 0, 0.5)).ravel().tolist() == [120, 120, 120, 120]
    reals = x.astype(np.float32) / 40  # a range of 1
    np.testing.assert_allclose(Colour(brightness=0.2)(reals, drawn(1, 0.5, 0.5)), reals + 0.2, rtol=1e-6)


def test_without_saturation_a_photo_is_its_luma() -> None:
    out = Colour(saturation=1)(PHOTOS, drawn(0.5, 0.5, 0, n=6))
    luma = PHOTOS @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(out, np.rint(luma)[..., None].repeat(3, axis=-1), atol=1)
    both = Colour(contrast=0.5, saturation=1)(PHOTOS / np.float32(1), drawn(0.5, 0, 0, n=6))
    expected = luma.mean(axis=(1, 2), keepdims=True) + (luma - luma.mean(axis=(1, 2), keepdims=True)) / 2
    np.testing.assert_allclose(both[..., 1], expected, rtol=1e-4)


def test_a_cutout_is_a_square_of_the_mean() -> None:
    x = np.zeros((1, 5, 6, 1), np.float32)
    x[0, 0, 0] = 30
    out = Cutout(3)(x, drawn(0.5, 0.5))[0, :, :, 0]  # about row 2, column 3
    expected = x[0, :, :, 0].copy()
    expected[1:4, 2:5] = 1
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(("u", "covered"), [((0.5, 0.5), 16), ((0, 0), 4), ((0, 0.5), 8), ((1, 1), 9)])
def test_the_area_of_a_cutout_is_less_at_the_edge(u: tuple[float, float], covered: int) -> None:
    x = np.zeros((1, 9, 10, 3), np.uint8)
    x[0, ::2] = 254
    changed = (Cutout(4)(x, drawn(*u)) != x).all(axis=-1)
    assert changed.sum() == covered


@pytest.mark.parametrize("transform", TRANSFORMS, ids=repr)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_samples_keep_dtype_and_shape_and_do_not_know_their_batch(
    transform: Transform, dtype: type, data: st.DataObject
) -> None:
    n, H, W = (data.draw(st.integers(1, high)) for high in (5, 12, 12))
    C = data.draw(st.sampled_from([1, 2, 3]))
    x = np.random.default_rng(H * 13 + W).integers(0, 256, (n, H, W, C)).astype(dtype)
    before, u = x.copy(), uniform(1, 2, np.arange(n), 3, transform.draws((H, W, C)))
    out = transform(x, u)
    assert (out.dtype, out.shape) == (x.dtype, x.shape)
    np.testing.assert_array_equal(x, before)
    last = transform(x[-1:], u[-1:])
    np.testing.assert_array_equal(out[-1:], last)
    backwards = transform(x[::-1], u[::-1])
    np.testing.assert_array_equal(out, backwards[::-1])
    if not isinstance(transform, Colour):
        assert out.min() >= x.min() - 1e-4
        assert out.max() <= x.max() + 1e-4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Crop(-1), "Crop: impossible pad; got -1; expected a whole number from 0"),
        (lambda: Crop(1, "wrap"), "Crop: impossible fill; got wrap; expected reflect, edge or border"),  # type: ignore[arg-type]
        (lambda: Shift(-2), "Shift: impossible pixels; got -2; expected a whole number from 0"),
        (lambda: Shift(1, "reflect"), "Shift: impossible fill; got reflect; expected border or edge"),
        (lambda: Affine(200), "Affine: impossible rotate; got 200; expected degrees from 0 to 180"),
        (lambda: Affine(shear=90), "Affine: impossible shear; got 90; expected degrees from 0 to 60"),
        (lambda: Affine(fill="reflect"), "Affine: impossible fill; got reflect; expected border or edge"),
        (
            lambda: Affine(scale=(2, 1)),
            "Affine: impossible scale; got (2, 1); expected two positive numbers, the smaller one first",
        ),
        (
            lambda: ResizedCrop((0, 1)),
            "ResizedCrop: impossible area; got (0, 1); expected two positive numbers, the smaller one first",
        ),
        (lambda: ResizedCrop((0.5, 2)), "ResizedCrop: impossible area; got (0.5, 2); expected shares of at most 1"),
        (lambda: Colour(contrast=-0.1), "Colour: impossible contrast; got -0.1; expected a number from 0 to 1"),
        (lambda: Cutout(-1), "Cutout: impossible size; got -1; expected a whole number from 0"),
    ],
)
def test_impossible_values_are_refused(make: object, message: str) -> None:
    with pytest.raises(OptionError) as error:
        make()  # type: ignore[operator]
    assert str(error.value) == message
