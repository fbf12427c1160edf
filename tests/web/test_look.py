"""The look view in a browser, as a person uses it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tatami.data import load_sample
from tatami.network import find_network
from tatami.train import TrainConfig, load_trained, train

if TYPE_CHECKING:
    from playwright.sync_api import Page

MEMO = "INPUT -> [[CONV -> RELU]*2 -> POOL]*2 -> [FC -> RELU]*1 -> FC"
SIGNALS = "INPUT -> [CONV(8, 7) -> RELU -> POOL]*2 -> FC"


@pytest.fixture(scope="module", autouse=True)
def runs(server: Any) -> Path:
    """The memo's network trained on the digits, and a small one on signals, where the server lists its runs."""
    folder: Path = server.runs
    for name, net, data, epochs in (
        ("gunpoint-1", SIGNALS, "sample:gunpoint", 20),
        ("digits-1", MEMO, "sample:digits", 2),
    ):
        config = TrainConfig(data, engine="cpu", epochs=epochs, augment="none")
        train(find_network(net), config, folder / name, lambda event: None)
    return folder


def predicted(page: Page) -> str:
    """The class that the page names first."""
    word = page.locator(".look-word:not(:empty)").inner_text()
    return word.rpartition(" (")[0]


def stroke(page: Page, places: list[tuple[float, float]]) -> None:
    """Draw through places of the pad, as shares of its sides."""
    box = page.locator(".look-pad, .look-wave").bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=10)
    page.mouse.up()


def test_draw_a_one_and_then_a_seven(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1")
    page.locator(".look-word:not(:empty)").wait_for()
    page.get_by_role("button", name="Clear").click()
    stroke(page, [(0.55, 0.15), (0.45, 0.85)])
    page.locator(".look-word", has_text=re.compile("^1 ")).wait_for()
    page.get_by_role("button", name="Clear").click()
    stroke(page, [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)])
    page.locator(".look-word", has_text=re.compile("^7 ")).wait_for()
    # The address holds the drawing: another window sees the same.
    address = page.url
    assert "drawn=" in address
    page.goto("about:blank")
    page.goto(address)
    page.locator(".look-word", has_text=re.compile("^7 ")).wait_for()


def test_another_run_than_that_of_the_address_is_said(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="gone")
    said = page.locator(".view-look > .error")
    assert said.inner_text() == "gone is no run here that has weights: this is digits-1."
    page.get_by_label("Run").select_option("gunpoint-1")
    page.locator(".look-wave").wait_for()
    assert said.inner_text() == ""


def test_a_map_without_differences_stands_out_nowhere(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1", sample=0)
    page.locator(".look-word:not(:empty)").wait_for()
    found = page.evaluate(
        """async () => {
            const { colour } = await import("/static/lib/draw.js");
            const { stage } = await import("/static/views/look/stage.js");
            const flat = { shape: [2, 2], values: new Float32Array(4) };
            const colours = ["heat", "grey", "diverging"].map((scale) => colour(0, [0, 0], scale));
            return [...colours, stage(flat, "nothing").querySelector("figcaption").textContent];
        }"""
    )
    assert found[:3] == ["rgb(11 7 36)", "rgb(0 0 0)", "rgb(247 244 238)"]
    assert "0 everywhere" in found[3]


def test_a_finger_draws_on_a_phone(phone: Page, visit: Callable[..., None]) -> None:
    visit(phone, "look", run="digits-1", sample=0)
    phone.locator(".look-word:not(:empty)").wait_for()
    phone.get_by_role("button", name="Clear").click()
    pad = phone.locator(".look-pad")
    before = pad.evaluate("(c) => c.getContext('2d').getImageData(56, 56, 1, 1).data[0]")
    pad.tap()
    after = pad.evaluate("(c) => c.getContext('2d').getImageData(56, 56, 1, 1).data[0]")
    assert (before, after) == (0, 255)
    assert "ink=1" in phone.url


def test_a_sample_is_moved_by_the_keyboard_alone(page: Page, visit: Callable[..., None], runs: Path) -> None:
    split = load_sample("digits").test
    assert split is not None
    visit(page, "look", run="digits-1", sample=3)
    trained = load_trained(runs / "digits-1")

    def said(x: np.ndarray) -> str:
        scores = trained.model.forward(trained.identity.preprocess(x[None]))
        return trained.identity.classes[int(scores.argmax())]

    page.locator(".look-input p", has_text="row 3 of 1000").wait_for()
    assert predicted(page) == said(split.x[3])
    pad = page.get_by_label("The picture: draw here")
    pad.focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    moved = np.roll(split.x[3], 9, axis=1)
    moved[:, :9] = 0
    page.locator(".look-word", has_text=re.compile(f"^{said(moved)} ")).wait_for()


def test_the_maps_drawn_are_those_of_the_sample(page: Page, visit: Callable[..., None]) -> None:
    """The pixels of the first layer's canvas: INPUT, light on dark, so that red is where the digit is."""
    split = load_sample("digits").test
    assert split is not None
    visit(page, "look", run="digits-1", sample=0)
    page.locator(".look-word:not(:empty)").wait_for()
    canvas = page.get_by_role("slider", name="Units of input")
    assert (canvas.get_attribute("width"), canvas.get_attribute("height")) == ("28", "28")
    pixels = canvas.evaluate("(c) => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]")
    colours = np.array(pixels).reshape(28, 28, 4)
    darkness = 255 - colours[..., 2]  # the diverging scale loses blue with the value
    ink = split.x[0][..., 0]
    assert darkness[ink > 200].min() > darkness[ink == 0].max()


def test_open_a_unit_by_keyboard_and_by_mouse(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1", sample=0)
    page.locator(".look-word:not(:empty)").wait_for()
    canvas = page.get_by_role("slider", name="Units of relu1")
    canvas.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert canvas.get_attribute("aria-valuetext") == "unit 3 of 32, Enter opens it"
    page.keyboard.press("Enter")
    unit = page.get_by_role("region", name="Unit")
    unit.get_by_role("heading", name="relu1, unit 3").wait_for()
    unit.get_by_text("filter of conv1").wait_for()
    unit.get_by_role("button", name=re.compile("^Look at row")).first.wait_for()
    assert unit.get_by_role("button", name=re.compile("^Look at row")).count() == 12
    unit.get_by_text("its strongest. It sees").wait_for()
    assert "layer=relu1&unit=3" in page.url
    # Its position is chosen in the fields, and by a click on the map.
    unit.get_by_label("row", exact=True).fill("5")
    unit.get_by_label("row", exact=True).press("Tab")
    unit.get_by_text(re.compile(r"at 5, \d+\. It sees 4 to 6 by")).wait_for()
    shown = page.get_by_label("relu1, unit 3: click for another position")
    box = shown.bounding_box()
    assert box is not None
    shown.click(position={"x": box["width"] * 10.5 / 28, "y": box["height"] * 20.5 / 28})
    unit.get_by_text("at 20, 10. It sees 19 to 21 by 9 to 11 of the input").wait_for()
    # The exact value is told under the pointer: the one that the unit has there.
    shown.hover(position={"x": box["width"] * 10.5 / 28, "y": box["height"] * 20.5 / 28})
    exact = unit.locator("figure .look-note", has_text="20, 10: ").inner_text().partition(": ")[2]
    rounded = unit.get_by_text("at 20, 10. It sees").inner_text().partition(" ")[0]
    assert float(rounded) == pytest.approx(float(exact), rel=0.01, abs=1e-6)
    # A click on another layer's map opens it where the pointer is.
    other = page.get_by_role("slider", name="Units of pool2")
    other.scroll_into_view_if_needed()
    other.click(position={"x": 3, "y": 3})
    unit.get_by_role("heading", name="pool2, unit 0").wait_for()
    unit.get_by_text("at 0, 0. It sees 0 to").wait_for()


def test_what_the_score_depends_on(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1", sample=0)
    unit = page.get_by_role("region", name="Unit")
    unit.get_by_text("Grad-CAM of pool2 for 6").wait_for()
    unit.get_by_label("Method", exact=True).select_option(label="Occlusion")
    unit.get_by_text("Occlusion for 6").wait_for()
    unit.get_by_label("For", exact=True).select_option(label="0")
    unit.get_by_text("Occlusion for 0").wait_for()
    assert "method=occlusion&target=0" in page.url


def test_a_cell_of_the_confusion_matrix_opens_its_pictures(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1")
    cell = page.get_by_role("button", name=re.compile(r"^\d, taken for \d: \d+$")).first
    name = cell.get_attribute("aria-label")
    assert name is not None
    true, taken, count = re.findall(r"\d+", name)
    cell.press("Enter")
    page.get_by_role("heading", name=f"{true}, taken for {taken}").wait_for()
    pictures = page.get_by_role("button", name=re.compile(f": {true}, taken for {taken} "))
    pictures.first.wait_for()
    assert pictures.count() == int(count)
    # A picture is opened, and the network says of it what the matrix said.
    pictures.first.click()
    page.locator(".look-input p", has_text=f"a {true}").wait_for()
    page.locator(".look-word", has_text=re.compile(f"^{taken} ")).wait_for()


def test_a_point_of_the_embedding_opens_its_sample(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1")
    page.get_by_role("button", name="Show it").click()
    page.locator(".look-plot path").nth(999).wait_for()
    assert page.locator(".look-plot path").count() == 1000
    markers = {page.locator(".look-legend path").nth(i).get_attribute("d") for i in range(10)}
    assert len(markers) == 10  # told apart without colour
    # From the list, by keyboard, and from the plot.
    points = page.get_by_label("The points as a list")
    points.select_option(value="17")
    points.press("Enter")
    page.locator(".look-input p", has_text="row 17 of 1000").wait_for()
    page.locator(".look-plot [data-row='5']").dispatch_event("click")
    page.locator(".look-input p", has_text="row 5 of 1000").wait_for()


def test_files_are_dropped_and_bad_ones_refused(page: Page, visit: Callable[..., None]) -> None:
    split = load_sample("digits").test
    assert split is not None
    visit(page, "look", run="digits-1", sample=0)
    page.locator(".look-word", has_text=re.compile("^6 ")).wait_for()
    file = io.BytesIO()
    Image.fromarray(split.x[2][..., 0]).save(file, "PNG")
    assert split.y is not None
    chooser = page.locator("input[type=file]")
    chooser.set_input_files({"name": "digit.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.locator(".look-word", has_text=re.compile(f"^{split.y[2]} ")).wait_for()
    page.locator(".look-input p", has_text=re.compile("^digit.png$")).wait_for()
    # Black on white: the page says what may be wrong, and a button mends it.
    file = io.BytesIO()
    Image.fromarray(255 - split.x[2][..., 0]).save(file, "PNG")
    chooser.set_input_files({"name": "paper.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.locator(".look-input p", has_text="paper.png: brighter than those of the training").wait_for()
    page.get_by_role("button", name="Invert").click()
    page.locator(".look-word", has_text=re.compile(f"^{split.y[2]} ")).wait_for()
    # The same by drag and drop.
    dropped = page.evaluate_handle(
        """(bytes) => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(bytes)], "dropped.png", { type: "image/png" }));
          return data;
        }""",
        list(file.getvalue()),
    )
    page.locator(".look-input").dispatch_event("drop", {"dataTransfer": dropped})
    page.locator(".look-input p", has_text="dropped.png: brighter than those of the training").wait_for()
    chooser.set_input_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.locator(".look-input p", has_text="notes.png: not a readable picture").wait_for()
    chooser.set_input_files({"name": "big.png", "mimeType": "image/png", "buffer": bytes(2_100_000)})
    page.locator(".look-input p", has_text="big.png: larger than 2 MB").wait_for()


def test_a_waveform_is_drawn(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="gunpoint-1", sample=0)
    page.locator(".look-word:not(:empty)").wait_for()
    before = page.locator(".look-bars").inner_text()
    stroke(page, [(0.05, 0.8), (0.3, 0.3), (0.7, 0.3), (0.95, 0.8)])
    page.locator(".look-bars").filter(has_not_text=before).wait_for()
    address = page.url
    after = page.locator(".look-word").inner_text()
    page.goto("about:blank")
    page.goto(address)
    page.locator(".look-word", has_text=after.partition(" (")[0]).wait_for()
    page.get_by_role("slider", name="Units of relu1").focus()
    page.keyboard.press("Enter")
    page.get_by_role("region", name="Unit").get_by_text("filter of conv1").wait_for()


def test_another_run_is_chosen(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "look", run="digits-1", sample=0, layer="relu1", unit=3)
    page.get_by_label("Run", exact=True).select_option(value="gunpoint-1")
    page.locator(".look-wave").wait_for()
    page.locator(".look-word", has_text=re.compile("Gun|Point")).wait_for()
    assert "run=gunpoint-1" in page.url
    assert "layer=" not in page.url


def test_it_is_accessible_and_fits_a_phone(
    page: Page,
    visit: Callable[..., None],
    axe: Callable[[Page], None],
    screenshots: Callable[[Page, str], None],
) -> None:
    visit(page, "look", run="digits-1", sample=0, layer="relu2", unit=3, cell="4,9", map="pca")
    page.locator(".look-plot").wait_for()
    page.locator(".look-unit .look-tiles").wait_for()
    page.locator(".look-unit figure").first.wait_for()
    axe(page)
    screenshots(page, "look")
    visit(page, "look", run="gunpoint-1", sample=0, layer="relu1", unit=3)
    page.locator(".look-unit .look-tiles").wait_for()
    axe(page)
    screenshots(page, "look-signal")


def test_without_a_run_it_says_how_to_get_one(page: Page, visit: Callable[..., None], runs: Path, server: Any) -> None:
    hidden = runs.with_name("elsewhere")
    runs.rename(hidden)
    try:
        visit(page, "look")
        page.get_by_text("There is no trained run here yet").wait_for()
    finally:
        hidden.rename(runs)
