"""The convolution view in a browser: what stands on the page, against sums in NumPy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tatami.data import load_sample
from tatami.engines import compile
from tatami.network import find_network
from tatami.train import TrainConfig, train

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

NET = "INPUT(28x28x1) -> CONV(4) -> RELU -> CONV(6, 5, S=2) -> POOL(3, S=2, P=same) -> FC(10)"
SIGNAL = "INPUT(150x1) -> CONV(4, 9, S=2) -> POOL(2) -> FC(2)"

Visit = Callable[..., None]
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def inside() -> Arrays:
    """The weights of NET's first layers, and what comes into its second for the first digit, in float64."""
    network = find_network(NET).build()
    state = compile(network, engine="textbook", dtype="float64", batch=1, seed=0).state_dict()
    dataset = load_sample("digits")
    assert dataset.test is not None
    train_x = dataset.train.x / 255
    X1 = np.pad((dataset.test.x[0] / 255 - train_x.mean()) / train_x.std(), [(1, 1), (1, 1), (0, 0)])
    W1, W2 = state["conv1.weight"], state["conv2.weight"]
    sums = [[np.sum(X1[x : x + 3, y : y + 3] * W1[..., k]) for k in range(4)] for x, y in np.ndindex(28, 28)]
    X2 = np.array(sums).reshape(28, 28, 4)
    # 28 inputs, F=5, S=2, same: 14 outputs, 3 of padding, 1 before and 2 after.
    return {"X1": X1, "W1": W1, "X2": np.pad(np.maximum(X2, 0), [(1, 2), (1, 2), (0, 0)]), "W2": W2}


def values(page: Page, part: str) -> np.ndarray:
    """The exact numbers behind those on the page; what is read is the same to four digits."""
    found: list[float] = []
    for each in page.locator(f".sum [data-part={part}]").all():
        exact = float(each.get_attribute("data-value") or "nan")
        shown = float(each.inner_text().replace("\N{MINUS SIGN}", "-"))
        assert shown == pytest.approx(exact, rel=6e-3 if abs(exact) < 1e-3 else 6e-4), each.inner_text()
        found.append(exact)
    return np.array(found)


def number(page: Page, name: str = "total") -> float:
    return float(page.locator(f".sum #{name}").get_attribute("data-value") or "nan")


def cells(page: Page, key: str) -> Locator:
    return page.locator(f".map-{key} .cells")


def chosen(page: Page, cell: str) -> None:
    """Wait until this cell is the one that is looked at."""
    page.locator(f'.view-convolution[data-cell="{cell}"]').wait_for()


def over(page: Page, key: str, size: tuple[int, int], cell: tuple[int, int], click: bool = False) -> None:
    """Point at the middle of a cell, or click it."""
    canvas = cells(page, key).locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    at = {
        "x": (cell[1] + 0.5) * box["width"] / size[1],
        "y": (cell[0] + 0.5) * box["height"] / size[0] if size[0] > 1 else box["height"] - 4,
    }
    canvas.click(position=at) if click else canvas.hover(position=at)


def set_field(page: Page, name: str, text: str) -> None:
    page.locator(f"[data-setting={name}]").fill(text)


def test_the_numbers_of_a_cell_are_the_terms_of_its_sum(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net=NET, layer="conv2", filter=3, channel=2, y="6,9")
    X, W = inside["X2"][12:17, 18:23], inside["W2"][..., 3]
    products = X * W
    np.testing.assert_allclose(values(page, "term"), products[..., 2].ravel(), atol=1e-5)
    np.testing.assert_allclose(values(page, "own"), products[..., 2].sum(), atol=1e-5)
    np.testing.assert_allclose(values(page, "other"), products.sum((0, 1))[[0, 1, 3]], atol=1e-5)
    np.testing.assert_allclose(number(page), products.sum(), atol=1e-5)
    assert values(page, "bias") == [0]
    assert page.locator(".formula").inner_text() == "Y[6, 9, 3] = sum(X[12:17, 18:23, :] * W[:, :, :, 3]) + b[3]"
    a, b = np.unravel_index(X[..., 2].argmax(), (5, 5))
    factors = page.locator(f"td[data-place='{a},{b}'] .factors").inner_text().replace("\N{MINUS SIGN}", "-")
    left, right = (float(each.strip().strip("()")) for each in factors.split("×"))
    np.testing.assert_allclose([left, right], [X[a, b, 2], W[a, b, 2]], rtol=6e-3)
    assert left > 0


def test_the_window_slides_by_arrow_keys_and_by_mouse(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net=NET)
    output = cells(page, "y")
    output.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    chosen(page, "1,1")
    X, W = inside["X1"], inside["W1"][..., 0]
    assert number(page) == pytest.approx(np.sum(X[1:4, 1:4] * W), abs=1e-5)
    page.keyboard.press("End")
    chosen(page, "1,27")
    over(page, "y", (28, 28), (20, 11), click=True)
    chosen(page, "20,11")
    assert number(page) == pytest.approx(np.sum(X[20:23, 11:14] * W), abs=1e-5)
    page.wait_for_url(re.compile("y=20%2C11"))
    page.reload()
    chosen(page, "20,11")


def test_pointing_tells_who_sees_whom(page: Page, visit: Visit) -> None:
    visit(page, "convolution", net=NET, layer="conv2")
    # Windows of 5 with S=2 see the padded position 7 from the outputs 2 and 3 (4..8, 6..10); 8 from 2, 3 and 4.
    over(page, "x", (31, 31), (7, 8))
    told = page.locator(".told")
    assert re.fullmatch(r"X\[7, 8, 0\] = \S+, seen by 6 windows: Y\[2, 2, 0\] to Y\[3, 4, 0\]", told.inner_text())
    over(page, "y", (14, 14), (3, 5))
    assert re.fullmatch(r"Y\[3, 5, 0\] = \S+, sees X\[6:11, 10:15, :\]", told.inner_text())
    over(page, "x", (31, 31), (0, 0))
    assert told.inner_text() == "X[0, 0, 0] is padding, seen by 1 window: Y[0, 0, 0]"
    cells(page, "x").focus()  # the same by keys
    page.keyboard.press("ArrowDown")
    assert told.inner_text() == "X[1, 0, 0] is padding, seen by 1 window: Y[0, 0, 0]"


def test_the_cells_are_drawn_as_what_they_are(page: Page, visit: Visit, inside: Arrays) -> None:
    """Red above zero, blue below; padding is neither."""
    visit(page, "convolution", net=NET)
    page.wait_for_timeout(200)
    for key, expected in (("w", inside["W1"][:, :, 0, 0]), ("x", inside["X1"][..., 0])):
        rows, columns = expected.shape
        colours = np.array(
            cells(page, key)
            .locator("canvas")
            .evaluate(
                """(c, [rows, columns]) => Array.from({ length: rows * columns }, (_, at) => {
                  const [i, j] = [Math.floor(at / columns), at % columns];
                  const [x, y] = [((j + 0.5) * c.width) / columns, ((i + 0.25) * c.height) / rows];
                  return [...c.getContext("2d").getImageData(x, y, 1, 1).data];
                })""",
                [rows, columns],
            )
        ).reshape(rows, columns, 4)
        redness = colours[..., 0].astype(int) - colours[..., 2]
        strong = np.abs(expected) > 0.3 * np.abs(expected).max()
        strong[:3, :3] &= key == "w"  # there the window is outlined
        assert strong.sum() > 3
        np.testing.assert_array_equal(np.sign(redness[strong]), np.sign(expected[strong]))


AT = "document.querySelector('.view-convolution').dataset.cell.split(',').reduce((i, j) => 28 * i + Number(j), 0)"


def test_play_step_and_speed(page: Page, visit: Visit) -> None:
    visit(page, "convolution", net=NET)
    page.get_by_role("button", name="Step", exact=True).click()
    chosen(page, "0,1")
    page.get_by_role("button", name="Step back").click()
    chosen(page, "0,0")
    speed = page.get_by_label("Speed")
    speed.fill("30")
    assert speed.get_attribute("aria-valuetext") == "30 steps a second"
    began = time.monotonic()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(f"() => {AT} >= 33")
    assert time.monotonic() - began > 0.9  # 33 steps at 30 a second
    page.get_by_role("button", name="Pause").click()
    at = page.locator(".view-convolution").get_attribute("data-cell")
    page.wait_for_timeout(300)
    assert page.locator(".view-convolution").get_attribute("data-cell") == at
    cells(page, "y").focus()
    for key in ("End", *["ArrowDown"] * 28):
        page.keyboard.press(key)
    chosen(page, "27,27")
    page.get_by_role("button", name="Play").click()  # from the last cell it begins anew
    page.wait_for_function(f"() => {AT} > 2 && {AT} < 400")


def test_term_by_term_the_sum_grows(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net=NET, y="10,12")
    page.get_by_label("How", exact=True).select_option("term by term")
    terms = (inside["X1"][10:13, 12:15, 0] * inside["W1"][:, :, 0, 0]).ravel()
    for count in range(1, 9):
        page.get_by_role("button", name="Step", exact=True).click()
        assert page.locator(".adding").inner_text().startswith(f"the first {count} of 9 terms:")
        assert number(page, "partial") == pytest.approx(terms[:count].sum(), abs=1e-5)
        assert page.locator("td.now").get_attribute("data-place") == f"{(count - 1) // 3},{(count - 1) % 3}"
    page.get_by_role("button", name="Step", exact=True).click()
    assert number(page) == pytest.approx(terms.sum(), abs=1e-5)
    chosen(page, "10,12")
    page.get_by_role("button", name="Step", exact=True).click()
    chosen(page, "10,13")


def test_backward_to_the_input(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net=NET, layer="conv2", channel=1, filter=2, mode="dx", gradient="ones", x="7,8")
    # Six windows see it: rows 2 and 3 at the places 3 and 1, columns 2, 3 and 4 at the places 4, 2 and 0.
    W = inside["W2"][:, :, 1, :][np.ix_([3, 1], [4, 2, 0])]
    np.testing.assert_allclose(values(page, "term"), W[..., 2].ravel(), atol=1e-6)
    np.testing.assert_allclose(values(page, "other"), W.sum((0, 1))[[0, 1, 3, 4, 5]], atol=1e-5)
    assert number(page) == pytest.approx(W.sum(), abs=1e-5)
    assert "over the 6 windows that see X[7, 8, 1], and all filters" in page.locator(".formula").inner_text()
    # One output that is 1: the filter itself is what comes back, and the output can be moved.
    page.get_by_label("dY", exact=True).select_option("1 at the chosen cell")
    page.locator(".notes", has_text="dY is 1 at Y[0, 0, 2] alone").wait_for()
    over(page, "dy", (14, 14), (3, 2), click=True)
    page.locator(".notes", has_text="dY is 1 at Y[3, 2, 2] alone").wait_for()
    assert number(page) == pytest.approx(inside["W2"][1, 4, 1, 2], abs=1e-6)
    over(page, "dx", (31, 31), (12, 20), click=True)
    chosen(page, "12,20")
    assert number(page) == 0


def test_backward_to_the_filter(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net=NET, layer="conv2", channel=1, filter=2, gradient="ones")
    page.get_by_role("button", name="Backward: dW").click()
    cells(page, "dw").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    chosen(page, "1,1")
    seen = inside["X2"][1:29:2, 1:29:2, 1]
    assert number(page) == pytest.approx(seen.sum(), rel=1e-5)
    assert number(page, "bias-gradient") == 14 * 14
    np.testing.assert_allclose(values(page, "term"), seen.ravel()[:60], atol=1e-5)
    assert page.locator(".sum", has_text="and 136 more terms").count() == 1


def test_the_gradient_of_the_score_comes_back_by_itself(page: Page, visit: Visit) -> None:
    visit(page, "convolution", net=NET, layer="conv2", mode="dw")
    assert re.search(r"dY is the gradient of the score of 6, ", page.locator(".notes").inner_text())
    assert number(page) != 0


def test_sizes_change_on_the_spot(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net=NET)
    set_field(page, "stride", "3")
    page.locator(".rule", has_text="/3 + 1").wait_for()
    # 28 inputs, F=3, S=3, same: 10 outputs, (10-1)*3 + 3 - 28 = 2 of padding, one at each end.
    assert page.locator(".rule").inner_text() == "(W - F + 2P)/S + 1 = (28 - 3 + 2*1)/3 + 1 = 10"
    assert page.locator(".line-of").inner_text() == "INPUT(28x28x1) -> CONV(4, S=3)"
    over(page, "y", (10, 10), (4, 3), click=True)
    assert number(page) == pytest.approx(np.sum(inside["X1"][12:15, 9:12, 0] * inside["W1"][:, :, 0, 0]), abs=1e-5)
    set_field(page, "dilation", "2")
    page.locator(".formula", has_text=":2, ").wait_for()
    assert re.search(r"sum\(X\[\d+:\d+:2, \d+:\d+:2, :\]", page.locator(".formula").inner_text())
    set_field(page, "filters", "2")
    page.locator(".notes", has_text="weights: drawn anew").wait_for()
    assert page.get_by_text("Filter, of 2").is_visible()
    set_field(page, "depth", "3")
    page.get_by_text("Channel, 0 to 2").wait_for()
    assert values(page, "other").shape == (2,)
    page.get_by_role("button", name="As in the network").click()
    page.locator(".line-of", has_text=re.compile(r"^INPUT\(28x28x1\) -> CONV\(4\)$")).wait_for()
    assert "s." not in page.url


def test_a_size_that_does_not_fit_is_told_with_the_rules_numbers(
    page: Page, visit: Visit, axe: Callable[[Page], None]
) -> None:
    visit(page, "convolution", net=NET, **{"s.padding": "valid"})
    set_field(page, "kernel_size", "30")
    alert = page.get_by_role("alert")
    page.locator(".error", has_text="does not fit").wait_for()
    assert alert.inner_text().startswith(
        "a window of 30 does not fit into 28 padded positions; got (28 - 30 + 2*0)/1 + 1 = -1"
    )
    assert page.locator("[data-setting=kernel_size]").get_attribute("aria-invalid") == "true"
    axe(page)
    set_field(page, "kernel_size", "5")
    page.locator(".rule", has_text="(28 - 5 + 2*0)/1 + 1 = 24").wait_for()
    assert alert.inner_text() == ""
    set_field(page, "stride", "3")
    page.locator(".rule", has_text="rounded down to 8: pixels 26 to 27 are never seen").wait_for()


def test_a_maximum_marks_its_winner_and_the_gradient_goes_to_it(page: Page, visit: Visit) -> None:
    net = "INPUT(28x28x1) -> POOL(3, S=2, P=same) -> FC(10)"
    visit(page, "convolution", net=net, y="13,13", gradient="ones")
    # The last window stands over padding behind; in the corner of the digit all is the same black: the first wins.
    terms = page.locator("table.terms td")
    assert [each.split("\n")[0] for each in terms.all_inner_texts()].count("padding") == 5
    assert page.locator("td.winner").count() == 1
    assert page.locator("td.winner").get_attribute("data-place") == "0,0"
    assert "of equal ones the first in row order: X[26, 26, 0]" in page.locator(".sum").inner_text()
    page.get_by_role("button", name="Backward: dX").click()
    over(page, "dx", (29, 29), (26, 26), click=True)
    chosen(page, "26,26")
    # Four windows see it; it is the first of equal ones in one, and the last of them in the others.
    assert sorted(values(page, "term")) == [0, 0, 0, 1]
    assert number(page) == 1
    assert page.get_by_role("button", name="Backward: dW").count() == 0
    assert not page.get_by_label("Filter").is_visible()


def test_a_mean(page: Page, visit: Visit, inside: Arrays) -> None:
    visit(page, "convolution", net="INPUT(28x28x1) -> POOL(3, avg, S=2, P=1) -> FC(10)", y="0,0")
    seen = inside["X1"][1:3, 1:3, 0]
    assert number(page) == pytest.approx(seen.sum() / 4, abs=1e-5)
    assert "/ 4" in page.locator(".formula").inner_text()
    page.get_by_label("Padding counts").select_option("yes")
    page.locator(".formula", has_text="/ 9").wait_for()
    assert number(page) == pytest.approx(seen.sum() / 9, abs=1e-5)


def test_a_signal_is_curves_and_cells(page: Page, visit: Visit, axe: Callable[[Page], None]) -> None:
    visit(page, "convolution", net=SIGNAL, first=0, y="5")
    dataset = load_sample("gunpoint")
    assert dataset.test is not None
    X = np.pad(((dataset.test.x[0] - dataset.train.x.mean()) / dataset.train.x.std())[:, 0], (3, 4))
    state = compile(find_network(SIGNAL).build(), engine="textbook", dtype="float64", batch=1, seed=0).state_dict()
    W = state["conv1.weight"][:, 0, 0]
    np.testing.assert_allclose(values(page, "term"), X[10:19] * W, atol=1e-5)
    assert number(page) == pytest.approx(np.sum(X[10:19] * W), abs=1e-5)
    assert page.locator(".formula").inner_text() == "Y[5, 0] = sum(X[10:19, :] * W[:, :, 0]) + b[0]"
    cells(page, "y").focus()
    page.keyboard.press("ArrowRight")
    chosen(page, "6")
    over(page, "x", (1, 63), (0, 10))
    assert re.fullmatch(
        r"X\[10, 0\] = \S+, seen by 5 windows: Y\[1, 0\] to Y\[5, 0\]", page.locator(".told").inner_text()
    )
    axe(page)
    # Further on: the same layer's numbers.
    page.get_by_role("button", name="right").click()
    page.locator(".notes", has_text="positions 14 to 41 of 75").wait_for()
    assert number(page) == pytest.approx(np.sum(X[28:37] * W), abs=1e-5)


def test_a_run_shows_its_own_weights(page: Page, visit: Visit, server: Any, write_stripes: Callable[..., Path]) -> None:
    folder = server.runs / "stripes-1"
    config = TrainConfig(str(write_stripes(40, 20, (60, 190), 20)), engine="cpu", epochs=1, augment="none")
    train(find_network("INPUT -> CONV(3) -> RELU -> FC"), config, folder, lambda event: None)
    visit(page, "convolution", net=NET, filter=2)
    page.get_by_label("Weights of").select_option("stripes-1")
    page.locator(".line-of", has_text="INPUT(8x8x1) -> CONV(3)").wait_for()
    assert page.get_by_label("Network").is_disabled()
    over(page, "y", (8, 8), (4, 5), click=True)
    W = load_file(folder / "best.safetensors")["conv1.weight"][..., 0, 0]
    shown = [each.inner_text().split(" × ")[1].strip("()") for each in page.locator(".factors").all()]
    np.testing.assert_allclose([float(each.replace("\N{MINUS SIGN}", "-")) for each in shown], W.ravel(), rtol=1e-3)
    assert "not trained" not in page.locator(".notes").inner_text()


def test_another_network_forgets_what_was_chosen(page: Page, visit: Visit) -> None:
    visit(page, "convolution", net=NET, layer="conv2", y="3,3", **{"s.stride": "1"})
    line = page.get_by_label("Network")
    line.fill("INPUT(20x20x3) -> POOL(2) -> CONV(5) -> FC(10)")
    line.press("Enter")
    page.locator('[data-opened="pool1"]').wait_for()
    assert "s.stride" not in page.url
    assert page.locator(".notes").inner_text().startswith("samples resized from 28x28x1 to the network's 20x20x3")
    line.fill("INPUT(20x20x3) -> POOL(")
    line.press("Enter")
    page.locator(".error", has_text="line 1:24").wait_for()
    page.get_by_label("Layer", exact=True).select_option(value="conv1")
    page.get_by_role("link", name="Design").click()
    page.locator('main[data-ready="design"]').wait_for()


def test_every_state_is_accessible(page: Page, visit: Visit, axe: Callable[[Page], None]) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for state in ({"layer": "conv2"}, {"layer": "pool1", "mode": "dx"}, {"mode": "dw", "by": "term"}):
            visit(page, "convolution", net=NET, **state)
            page.get_by_role("button", name="Step", exact=True).click()
            axe(page)


def test_a_phone_shows_all_of_it(
    phone: Page, visit: Visit, screenshots: Callable[[Page, str], None], axe: Callable[[Page], None]
) -> None:
    visit(phone, "convolution", net=NET, layer="conv2", y="6,9")
    canvas = cells(phone, "y").locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    phone.touchscreen.tap(box["x"] + 2.5 * box["width"] / 14, box["y"] + 4.5 * box["height"] / 14)
    chosen(phone, "4,2")
    axe(phone)
    screenshots(phone, "convolution")


def test_pictures_of_a_maximum_and_of_a_signal(
    page: Page, visit: Visit, screenshots: Callable[[Page, str], None]
) -> None:
    visit(page, "convolution", net=NET, layer="pool1", mode="dx", x="6,5")
    screenshots(page, "convolution-pool-backward")
    visit(page, "convolution", net=SIGNAL, y="30")
    screenshots(page, "convolution-signal")
