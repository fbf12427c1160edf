"""The parts of an inspection's page: what colours, curves and marks stand for, against hand arithmetic."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from tatami.views.inspect_curves import HEIGHT, WIDTH, bars_svg, curves_svg
from tatami.views.inspect_embedding import embedding_html
from tatami.views.inspect_html import inspection_html
from tatami.views.inspect_methods import METHODS
from tatami.views.inspect_network import filters_html, gradients_table, units_table
from tatami.views.inspect_parts import legend
from tatami.views.inspect_pixels import (
    BLUE,
    RED,
    WHITE,
    Scale,
    colour_image,
    map_address,
    mosaic,
    overlay_image,
    sample_image,
)
from tatami.views.inspect_png import CHARTS, inspection_png
from tatami.views.inspect_sample import maps_html, sample_html
from tatami.views.inspection import (
    EmbeddingView,
    FilterBank,
    GradientSize,
    InspectedSample,
    Inspection,
    LayerMaps,
    UnitField,
    UnitStatistics,
)


def pixels(address: str) -> np.ndarray:
    kind, _, data = address.partition(",")
    assert kind == "data:image/png;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def floats(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32)


# --- pictures ---


def test_a_map_without_negative_values_is_grey_from_0() -> None:
    values = floats((0, 1), (2, 4))
    np.testing.assert_array_equal(pixels(map_address(values, Scale.of(values))), [[0, 64], [128, 255]])
    np.testing.assert_array_equal(pixels(map_address(values, Scale(0, 8)))[1], [64, 128])


def test_a_map_with_negative_values_is_blue_white_red_about_0() -> None:
    found = pixels(map_address(floats((-2, 0, 2, 1)), Scale(-2, 2)))[0]
    assert [tuple(colour) for colour in found[:3]] == [BLUE, WHITE, RED]
    np.testing.assert_allclose(found[3], (np.array(WHITE, float) + RED) / 2, atol=1)
    # The other side of the scale has the same reach, so that 0 stays white.
    weaker = pixels(map_address(floats((-1, 4)), Scale(-1, 4)))[0]
    np.testing.assert_allclose(weaker[0], 0.75 * np.array(WHITE) + 0.25 * np.array(BLUE), atol=1)


def test_a_silent_map_is_black_and_what_is_no_number_counts_as_0() -> None:
    assert not pixels(map_address(np.zeros((3, 3), np.float32), Scale(0, 0))).any()
    values = floats((np.nan, np.inf, 1))
    assert Scale.of(values) == Scale(1, 1)
    np.testing.assert_array_equal(pixels(map_address(values, Scale.of(values)))[0], [0, 0, 255])
    assert Scale.of(floats((np.nan,))) == Scale(0, 0)


def test_large_maps_and_samples_become_smaller_by_means() -> None:
    values = np.kron(floats((1, 0), (0, 2)), np.ones((96, 96), np.float32))
    found = pixels(map_address(values, Scale(0, 2)))
    assert found.shape == (96, 96)
    assert (found[0, 0], found[0, 95], found[95, 95]) == (128, 0, 255)
    assert sample_image(np.zeros((500, 250, 3), np.uint8)).size == (112, 224)


def test_samples_are_shown_as_they_are_and_floats_from_black_to_white() -> None:
    raw = np.array([[[10], [200]]], np.uint8)
    np.testing.assert_array_equal(np.asarray(sample_image(raw)), [[10, 200]])
    np.testing.assert_array_equal(np.asarray(sample_image(np.array([[[-1.0], [0], [1]]]))), [[0, 128, 255]])
    two = np.zeros((1, 2, 2), np.uint8)
    two[0, 1] = 9, 5
    np.testing.assert_array_equal(np.asarray(sample_image(two)), [[0, 9]])


def test_an_overlay_leaves_what_is_0_and_colours_the_rest() -> None:
    found = np.asarray(overlay_image(np.full((1, 3, 1), 100, np.uint8), floats((0, 1, -0.5))))[0]
    np.testing.assert_array_equal(found[0], 100)
    np.testing.assert_allclose(found[1], 0.2 * 100 + 0.8 * np.array(RED), atol=1)
    np.testing.assert_allclose(found[2], 0.6 * 100 + 0.4 * np.array(BLUE), atol=1)


def test_a_mosaic_lays_tiles_as_nearly_a_square() -> None:
    found = mosaic(np.arange(2 * 2 * 5, dtype=np.float64).reshape(2, 2, 5))
    assert found.shape == (5, 8)
    np.testing.assert_array_equal(found[:2, :2], [[0, 5], [10, 15]])
    np.testing.assert_array_equal(found[:2, 3:5], [[1, 6], [11, 16]])
    np.testing.assert_array_equal(found[3:, 3:5], [[4, 9], [14, 19]])
    assert np.isnan(found[2]).all()
    assert np.isnan(found[3:, 6:]).all()


def test_a_colour_filter_is_grey_for_0() -> None:
    found = np.asarray(colour_image(np.array([[[0, 0, 0], [2, -2, 1]]]), Scale(-2, 2)))
    np.testing.assert_array_equal(found, [[[128, 128, 128], [255, 0, 191]]])


def test_legends_say_what_the_ends_are() -> None:
    assert re.findall(r"<span>(.*?)</span>", legend(Scale(0, 3.14159))) == ["0", "3.14"]
    assert re.findall(r"<span>(.*?)</span>", legend(Scale(-2, 0.5))) == ["-2", "0", "2"]


# --- curves ---


def points(svg: str) -> list[list[tuple[float, float]]]:
    lines = re.findall(r"<polyline points='([^']*)'", svg)
    return [[tuple(map(float, point.split(","))) for point in line.split()] for line in lines]


def test_a_curve_goes_from_the_left_to_the_right_and_up() -> None:
    (curve,) = points(curves_svg(floats((0,), (1,), (3,)), "x"))
    assert [x for x, _ in curve] == [0, WIDTH / 2, WIDTH]
    levels = [y for _, y in curve]
    assert (levels[0], levels[2]) == (HEIGHT - 2, 2)
    assert levels[1] == pytest.approx(2 + (HEIGHT - 4) * 2 / 3, abs=0.06)


def test_long_signals_and_many_channels_are_thinned() -> None:
    found = points(curves_svg(np.zeros((5000, 9), np.float32), "x"))
    assert len(found) == 6
    assert len(found[0]) == 120
    assert found[0][-1][0] == WIDTH


def test_bands_are_as_strong_as_their_values_and_tell_the_sign() -> None:
    svg = curves_svg(np.zeros((4, 1), np.float32), "x", bands=np.array([0, 2, -1, 0], np.float32))
    bands = re.findall(r"<rect x='([\d.]+)' .*? width='([\d.]+)' .*?fill='var\((--c\d)\)' fill-opacity='([\d.]+)'", svg)
    step = WIDTH / 3
    assert [(colour, float(opacity)) for *_, colour, opacity in bands] == [("--c1", 0.75), ("--c0", 0.38)]
    assert float(bands[0][0]) == pytest.approx(step / 2, abs=0.06)
    assert float(bands[0][1]) == pytest.approx(step, abs=0.06)


def test_a_span_reaches_into_the_padding() -> None:
    svg = curves_svg(np.zeros((11, 1), np.float32), "x", span=(-10, 3))
    (curve,) = points(svg)
    step = WIDTH / 20
    assert curve[0][0] == pytest.approx(10 * step)
    (left, width), *_ = re.findall(r"<rect x='([\d.]+)' y='0' width='([\d.]+)'", svg)
    assert (float(left), float(width)) == (0, pytest.approx(12 * step))  # from the first step to the last of 13


def test_bars_stand_on_0_and_can_be_read() -> None:
    svg = bars_svg(np.array([2, -2], np.float32), "x", Scale(-2, 2), ("a<b", "c"))
    assert re.findall(r"<title>(.*?)</title>", svg) == ["a&lt;b: 2", "c: -2"]
    (top, height), (top_2, _) = re.findall(r" y='([\d.]+)' width='[\d.]+' height='([\d.]+)'", svg)
    assert float(top) + float(height) == float(top_2) == HEIGHT / 2


def test_very_many_bars_are_two_paths() -> None:
    values = np.tile(np.array([1, -1, 0], np.float32), 100)
    svg = bars_svg(values, "x", Scale(-1, 1))
    above, below = re.findall(r"<path d='([^']*)' stroke='var\(--c\d\)'", svg)
    assert above.count("M") == below.count("M") == 100
    wide = 2 * WIDTH / 300
    assert above.startswith(f"M{wide / 2:.1f} {HEIGHT / 2:.1f}V2.0")
    assert below.startswith(f"M{wide * 1.5:.1f} {HEIGHT / 2:.1f}V{HEIGHT - 2:.1f}")
    assert len(svg) < 6_000


# --- sections ---


def test_methods_make_one_value_of_the_channels() -> None:
    values = np.array([[[1, -3], [2, 1]]], np.float32)
    np.testing.assert_array_equal(METHODS["saliency"].flat(values, 2), [[3, 2]])
    np.testing.assert_array_equal(METHODS["integrated_gradients"].flat(values, 2), [[-2, 3]])
    np.testing.assert_array_equal(METHODS["occlusion"].flat(floats((-1, 2)), 2), [[-1, 2]])
    np.testing.assert_array_equal(METHODS["smooth_grad"].flat(floats((-1,), (2,)), 1), [1, 2])


def test_maps_of_a_layer_share_a_scale_and_say_how_many_are_shown() -> None:
    values = np.zeros((2, 2, 5), np.float32)
    values[0, 0, 1], values[1, 1, 2] = 4, 2
    html = maps_html(LayerMaps("relu1", "RELU", values), 3)
    assert "RELU 2x2x5, 0 to 4, the first 3 of 5 units" in html
    found = [pixels(address) for address in re.findall(r'<img src="([^"]*)"', html)]
    assert [image.max() for image in found] == [0, 255, 128]
    assert "all 5 units" in maps_html(LayerMaps("relu1", "RELU", values), None)


def test_a_notebook_shows_the_whole_page_in_a_frame() -> None:
    evil = "<b>\"x\" & 'y'"
    found = Inspection(evil, "INPUT(2x2x1) -> FC(2)", "image", ("a", "b"), notes=(evil,))
    frames: list[dict[str, str | None]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag == "iframe"
            frames.append(dict(attrs))

    Reader().feed(found._repr_html_())
    (frame,) = frames
    assert frame["srcdoc"] == inspection_html(found)
    assert frame["title"] == evil
    assert "sandbox" in frame  # not a script of it runs


def test_names_are_escaped_everywhere() -> None:
    evil = "<script>&'\""
    sample = InspectedSample(
        name=evil,
        raw=np.zeros((2, 2, 1), np.uint8),
        ranked=((evil, 1.0),),
        target=evil,
        maps=(LayerMaps(evil, "FC", np.ones(1, np.float32), (evil,)),),
        seen=UnitField("conv1", 0, (0, 0), 1.0, ((-1, 2), (0, 1))),
    )
    html = sample_html(sample, regression=False, units_shown=None)
    assert "<script" not in html
    assert not re.search(r"=\"[^\"]*<", html)


def test_the_field_of_a_unit_is_framed_where_it_lies() -> None:
    sample = InspectedSample(
        *("x", np.zeros((6, 8, 1), np.uint8), (("a", 1.0),), "a"),
        seen=UnitField("conv1", 2, (0, 3), 1.5, ((-1, 2), (2, 5))),
    )
    html = sample_html(sample, regression=False, units_shown=None)
    assert "<rect x='2' y='-1' width='3' height='3'" in html
    assert "<svg viewBox='-0.5 -1.5 9.0 8.0'" in html
    assert "its largest activation here is 1.5 at 0, 3; its receptive field there is 3x3" in html


def test_dead_units_are_counted_and_named() -> None:
    html = units_table(
        [
            UnitStatistics("relu1", "RELU", 32, tuple(range(0, 26, 2)), None, 0.5, 0.25, 1.0),
            UnitStatistics("tanh1", "TANH", 4, None, 0.125, 0.0, 0.0, 0.9),
        ]
    )
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)][1:]
    dead = "13 (41 %): 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, ..."
    assert rows == [
        ["relu1", "RELU", "32", dead, "-", "50.0 %", "0.25", "1"],
        ["tanh1", "TANH", "4", "-", "12.5 %", "0.0 %", "0", "0.9"],
    ]


def test_sizes_of_gradients_have_logarithmic_bars() -> None:
    html = gradients_table([GradientSize("conv1", "CONV", 1e-3, 1.0), GradientSize("relu1", "RELU", 0.0, None)])
    assert re.findall(r"width:([\d.]+)%", html) == ["50.0", "100.0", "0.0"]
    assert "1.00e-03" in html


@pytest.mark.parametrize(
    ("shape", "first", "words", "drawn"),
    [
        ((3, 3, 3, 2), True, "in the colours that it answers to", "img"),
        ((3, 3, 3, 2), False, "its 3 channels side by side", "img"),
        ((5, 5, 1, 2), True, "blue below 0, red above<", "img"),
        ((5, 1, 2), True, "its weights over the steps<", "svg"),
        ((5, 40, 2), False, "channels from left to right, steps from top to bottom", "img"),
    ],
)
def test_filters_are_drawn_as_their_shape_asks(shape: tuple[int, ...], first: bool, words: str, drawn: str) -> None:
    html = filters_html(FilterBank("conv1", np.ones(shape, np.float32), first), None)
    assert words in html
    assert html.count(f"<{drawn} ") == 2
    assert ("<details open>" in html) == first


def test_classes_of_an_embedding_differ_in_colour_and_shape() -> None:
    points = np.array([[0, 0], [1, 0], [0, 2], [3, 1]], np.float32)
    html = embedding_html(EmbeddingView("pca", points, np.array([0, 1, 1, 2]), ("a", "b<", "c", "d")))
    marks = re.findall(r"<path d='(M[^']*)' fill='(#\w+)' fill-opacity", html)
    assert len({colour for _, colour in marks}) == 3
    assert len({re.sub(r"M[\d.]+ [\d.]+", "", path).partition("z")[0][:12] for path, _ in marks}) == 3
    assert [path.count("M") for path, _ in marks] == [1, 2, 1]
    assert re.findall(r"</svg> (.*?)</li>", html) == ["a", "b&lt;", "c"]
    # One scale for both axes, upwards: the points span 3 by 2, the drawing 456 by 376.
    places = [tuple(map(float, at)) for path, _ in marks for at in re.findall(r"M([\d.]+) ([\d.]+)", path)]
    assert places[3][0] - places[0][0] == pytest.approx(456, abs=0.1)
    assert places[0][1] - places[2][1] == pytest.approx(2 * 152, abs=0.2)


def test_a_picture_of_very_many_charts_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tatami.views.inspect_png.CHARTS", 12)
    maps = tuple(LayerMaps(f"relu{i}", "RELU", np.ones((2, 2, 3), np.float32)) for i in range(40))
    sample = InspectedSample("x", np.zeros((2, 2, 1), np.uint8), (("a", 1.0),), "a", maps)
    found = Inspection("net", "INPUT(2x2x1) -> FC(2)", "image", ("a",), samples=(sample,))
    with Image.open(io.BytesIO(inspection_png(found))) as image:
        high = image.height
    assert high == pytest.approx(2 * 2.6 * 110, abs=2)
    assert CHARTS * 2.6 * 110 / 6 < 2**16
