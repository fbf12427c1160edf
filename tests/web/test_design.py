from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from tatami.network import find_network, zoo
from tatami.plan import make_plan
from tatami.plan.batch import largest_batch
from tatami.plan.card_names import find_device
from tatami.plan.memory import StepSettings
from tatami.recipe import Adam
from tatami.web.app import make_app
from tatami.web.design_misfit import with_padding
from tatami.web.design_numbers import numbers_in
from tatami.web.session import Session
from tatami.web.views.design import Drawn, plan_answer

if TYPE_CHECKING:
    from playwright.sync_api import Page

PORT, TOKEN = 8766, "the-token-of-this-test"
HOME = f"http://127.0.0.1:{PORT}"
PATTERN = "INPUT(32x32x3) -> [[CONV -> RELU]*N -> POOL?]*M -> [FC -> RELU]*K -> FC(10)"
ALEXNET_LIKE = "INPUT(227x227x3) -> CONV(96, 11, S=4, P=1) -> RELU -> FC(10)"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = make_app(Session(runs_folder=tmp_path_factory.mktemp("runs")), TOKEN, PORT)
    with TestClient(app, base_url=HOME, headers={"Origin": HOME}) as it:
        assert it.get(f"/?token={TOKEN}").status_code == 200
        yield it


def plan(client: TestClient, text: str, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/design/plan", json={"text": text, **asked})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def misfit(client: TestClient, text: str) -> Any:
    return client.post("/api/design/misfit", json={"text": text}).json()["misfit"]


def facts(answer: dict[str, Any]) -> dict[str, str]:
    return dict(answer["facts"])


def utf16(text: str, start: int, end: int) -> str:
    """The part of a text that a browser means by two offsets."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


# --- plan ---


def test_figures_are_those_of_vgg16_in_the_paper(client: TestClient) -> None:
    answer = plan(client, "vgg16")
    assert answer["error"] is None
    assert facts(answer)["parameters"] == "138,357,544"  # Simonyan & Zisserman 2014, table 2: 138 million
    assert facts(answer)["output"] == "1000"
    rows = {layer["name"]: dict(zip(answer["headings"], layer["row"], strict=True)) for layer in answer["layers"]}
    # (3*3*3 + 1)*64 parameters; 224*224*64*27 MACs.
    assert (rows["conv1"]["output"], rows["conv1"]["params"], rows["conv1"]["MACs"]) == ("224x224x64", "1,792", "86.7M")
    assert rows["pool5"]["field"] == "212"


def test_the_drawing_is_svg_that_the_policy_allows(client: TestClient) -> None:
    drawing = plan(client, "googlenet", width=700)["drawing"]
    assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"
    assert "style" not in drawing.lower()
    assert ".tn-f" in client.get("/api/design/words").json()["style"]


@pytest.mark.parametrize("name", ["memo", "resnet18", "lenet5", "mobilenet_v2"])
def test_a_zoo_network_written_out_is_the_same_network(client: TestClient, name: str) -> None:
    answer = plan(client, name)
    assert answer["zoo"]["title"] == zoo.read(name).title
    assert answer["numbers"] == []  # those of its name, such as the 18, are nothing to turn
    again = plan(client, answer["zoo"]["text"])
    assert again["error"] is None
    assert again["layers"] == answer["layers"]
    assert again["facts"] == answer["facts"]


@pytest.mark.parametrize(
    ("text", "marked", "problem"),
    [
        ("INPUT(32x32x3) -> KONV -> FC(10)", "KONV", "unknown layer KONV"),
        ("INPUT(8x8x1) -> POOL(9)", "POOL", "a window of 9 does not fit into 8 padded positions"),
        ("INPUT(8x8x1) -> CONV(4, q=2)", "q", "CONV has no argument q"),
        ("INPUT(8x8x1) -> CONV(4", "", '"(" opened at 1:21 is never closed'),
        ("# 🧱🧱\nINPUT(8x8x1) -> # 🧱\n KONV", "KONV", "unknown layer KONV"),
        ("INPUT(8x8x1) -> CONV 🧱", "🧱", "unreadable character"),
        ("INPUT(8x8x1) => CONV", ">", "unreadable character"),
    ],
)
def test_an_error_says_what_to_underline(client: TestClient, text: str, marked: str, problem: str) -> None:
    error = plan(client, text)["error"]
    assert utf16(text, error["start"], error["end"]) == marked
    assert error["problem"] == problem
    assert error["text"].count("\n") == 0


@pytest.mark.parametrize("text", ["", "   ", "nothing-like-this", "a.net", "/etc/passwd", "../x.net", "networks/a.net"])
def test_no_text_opens_a_file(client: TestClient, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.net").write_text("INPUT(8x8x1) -> FC(2)")
    answer = plan(client, text)
    assert answer["error"] is not None
    assert "layers" not in answer


def test_free_names_get_usual_values_and_keep_those_that_are_given(client: TestClient) -> None:
    answer = plan(client, PATTERN)
    free = {each["name"]: (each["value"], each["choices"], each["counts"]) for each in answer["free"]}
    assert free == {
        "N": ("1", [], True),
        "POOL": ("yes", ["yes", "no"], False),
        "M": ("1", [], True),
        "K": ("1", [], True),
    }
    bound = plan(client, PATTERN, bindings={"N": "2", "M": "3", "K": "2", "POOL": "yes", "GONE": "7"})
    by_hand = find_network("INPUT(32x32x3) -> [[CONV -> RELU]*2 -> POOL]*3 -> [FC -> RELU]*2 -> FC(10)").build()
    assert [layer["name"] for layer in bound["layers"]] == [node.name for node in by_hand.nodes]
    assert facts(bound)["parameters"] == f"{make_plan(by_hand).totals.params:,}"


def test_a_value_that_is_none_is_told_without_a_place_in_the_line(client: TestClient) -> None:
    error = plan(client, PATTERN, bindings={"N": "2 +"})["error"]
    assert (error["where"], error["got"], error["start"]) == ("N", "2 +", None)


def test_input_and_classes_fill_what_the_line_leaves_open(client: TestClient) -> None:
    text = "INPUT -> CONV(4) -> FC"
    assert plan(client, text)["error"]["problem"] == "INPUT has no shape"
    answer = plan(client, text, input="9x9x2", classes=7)
    assert facts(answer)["output"] == "7"
    assert plan(client, text, input="nine")["error"]["where"] == "input"


def test_a_network_of_thousands_of_layers_is_answered_in_part(client: TestClient) -> None:
    answer = plan(client, "INPUT(4x4x1) -> [CONV(1) -> RELU]*1000 -> FC(2)")
    assert len(answer["layers"]) + answer["more"] == 2002
    assert len(answer["layers"]) == 600


# --- numbers ---


def test_every_number_is_found_where_it_stands() -> None:
    text = "# 🧱\nINPUT(32x16x3) -> [CONV({8,16}, 3x3, S=2, P=(1, 2)) -> DROPOUT(0.5)]*2 -> POOL(avg, 2) -> FC(10)"
    numbers = numbers_in(text)
    assert [(utf16(text, n.start, n.end), n.label) for n in numbers] == [
        ("32", "INPUT size"),
        ("16", "INPUT size"),
        ("3", "INPUT depth"),
        ("8", "CONV filters"),
        ("16", "CONV filters"),
        ("3", "CONV kernel size"),
        ("3", "CONV kernel size"),
        ("2", "CONV stride"),
        ("1", "CONV padding"),
        ("2", "CONV padding"),
        ("0.5", "DROPOUT rate"),
        ("2", "repeat"),
        ("2", "POOL kernel size"),
        ("10", "FC units"),
    ]
    assert all(n.value == float(utf16(text, n.start, n.end)) and n.low <= n.value <= n.high for n in numbers)


def test_numbers_are_found_in_a_line_that_is_not_finished() -> None:
    assert [n.label for n in numbers_in("INPUT(8x8x1) -> CONV(16, ")] == [
        *["INPUT size"] * 2,
        "INPUT depth",
        "CONV filters",
    ]
    assert numbers_in("INPUT(8x8x1) -> ?? 🧱") == []


@pytest.mark.parametrize("text", [PATTERN, ALEXNET_LIKE, "INPUT(150x1) -> CONV(8, 9) -> [RELU -> CONV(8)]*3 -> FC(2)"])
def test_the_ends_of_every_slider_but_sizes_too_small_are_networks(client: TestClient, text: str) -> None:
    for number in numbers_in(text):
        for value in {number.low, number.high}:
            new = text[: number.start] + f"{value:g}" + text[number.end :]
            error = plan(client, new)["error"]
            assert error is None or "does not fit" in error["problem"], new


# --- a size that does not fit ---


def test_crop_pad_and_same_side_by_side(client: TestClient) -> None:
    found = misfit(client, ALEXNET_LIKE)
    assert found["layer"] == "conv1"
    assert ALEXNET_LIKE[found["start"] : found["end"]] == "CONV"
    ways = {way["name"]: way for way in found["ways"]}
    # (227 - 11 + 2*1)/4 + 1 = 55.5: 55 windows cropped, 56 with two more rows, ceil(227/4) = 57 by `same`.
    assert [ways[name]["output"] for name in ("crop", "pad", "same")] == ["55x55x96", "56x56x96", "57x57x96"]
    assert [ways[name]["axes"][0]["left_over"] for name in ("crop", "pad", "same")] == [2, 0, 0]
    assert ways["crop"]["axes"][0]["unseen"] == "pixel 226 is never seen"
    assert ways["pad"]["text"] == ALEXNET_LIKE.replace("P=1", "P=(1, 3)")
    assert ways["same"]["text"] == ALEXNET_LIKE.replace("P=1", "P=same")
    for name, side in (("crop", 55), ("pad", 56), ("same", 57)):
        params = (11 * 11 * 3 + 1) * 96 + (side * side * 96 + 1) * 10
        assert ways[name]["params"] == params
        assert ways[name]["macs"] == side * side * 96 * 11 * 11 * 3 + side * side * 96 * 10


def test_the_ways_out_fit(client: TestClient) -> None:
    for way in misfit(client, ALEXNET_LIKE)["ways"][1:]:
        assert misfit(client, way["text"]) is None


@pytest.mark.parametrize("text", ["INPUT(32x32x3) -> CONV -> POOL -> FC(10)", "INPUT(4) -> FC(2)", "vgg16"])
def test_what_fits_is_no_misfit(client: TestClient, text: str) -> None:
    assert misfit(client, text) is None


def test_axes_that_differ_are_padded_each(client: TestClient) -> None:
    found = misfit(client, "INPUT(9x8x1) -> POOL(3, S=2, name=p) -> FC(2)")
    pad = found["ways"][1]
    assert pad["text"] == "INPUT(9x8x1) -> POOL(3, S=2, name=p, P=((0, 0), (0, 1))) -> FC(2)"
    assert pad["output"] == "4x4x1"


def test_a_way_that_is_not_possible_says_why(client: TestClient) -> None:
    # One more position would be padding that a window of 1 lies in alone.
    ways = {way["name"]: way for way in misfit(client, "INPUT(4x4x1) -> POOL(1, S=2) -> FC(2)")["ways"]}
    assert ways["pad"]["problem"] == "a pooling window would lie in the padding alone"
    assert ways["same"]["output"] == "2x2x1"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INPUT(9) -> POOL", "INPUT(9) -> POOL(P=same)"),
        ("INPUT(9) -> POOL()", "INPUT(9) -> POOL(P=same)"),
        ("INPUT(9) -> POOL(2)", "INPUT(9) -> POOL(2, P=same)"),
        ("INPUT(9) -> POOL(2, pad = (1, 2), S=3)", "INPUT(9) -> POOL(2, pad = same, S=3)"),
        ("INPUT(9) ->\n  POOL( padding=0 )\n-> FC", "INPUT(9) ->\n  POOL( padding=same)\n-> FC"),
    ],
)
def test_padding_is_written_into_the_line(text: str, expected: str) -> None:
    from tatami.errors import NotationError

    line = text.count("\n", 0, text.index("POOL")) + 1
    column = text.index("POOL") - (text.rfind("\n", 0, text.index("POOL")) + 1) + 1
    assert with_padding(text, NotationError("x", line=line, column=column), "same") == expected


# --- memory ---


def test_memory_and_the_largest_batch_are_those_of_the_plan(client: TestClient) -> None:
    body = {"text": "resnet18", "batch": 16, "optimizer": "adam", "card": "RTX 4090"}
    answer = client.post("/api/design/memory", json=body).json()
    network = find_network("resnet18").build()
    settings = StepSettings(16, Adam(), "torch")
    card = find_device("RTX 4090")
    assert card.memory_bytes is not None
    found = largest_batch(network, settings, card.memory_bytes, card)
    assert answer["largest"]["batch"] == found.batch > 100
    assert answer["largest"]["bf16"] > found.batch
    kinds = {kind["name"]: kind["bytes"] for kind in answer["kinds"]}
    assert kinds["gradients"] == 4 * make_plan(network).totals.params
    assert kinds["optimizer"] >= 2 * kinds["gradients"]  # Adam keeps two values a parameter


def test_this_machine_needs_an_amount_of_memory_for_a_largest_batch(client: TestClient) -> None:
    body = {"text": "memo", "batch": 16}
    assert client.post("/api/design/memory", json=body).json()["largest"] is None
    largest = client.post("/api/design/memory", json={**body, "memory": "1GiB"}).json()["largest"]
    assert largest["limit"] == "1.0 GiB"
    network = find_network("memo").build()
    assert make_plan(network, largest["batch"]).memory.peak_bytes <= 2**30
    assert make_plan(network, largest["batch"] + 1).memory.peak_bytes > 2**30


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"batch": 0}, "impossible batch; got 0; expected a whole number of at least 1"),
        ({"memory": "24"}, "memory without a unit; got 24; expected a number above 0 and one of"),
        ({"card": "RTX 0"}, "unknown card; got RTX 0"),
        ({"optimizer": "sdg"}, "unknown optimizer"),
        ({"text": "KONV"}, "no such network; got KONV"),
        ({"batch": "many"}, "/api/design/memory: unreadable request; got Expected `int`, got `str` - at `$.batch`"),
    ],
)
def test_what_makes_no_sense_is_status_400_and_one_line(client: TestClient, asked: dict[str, Any], text: str) -> None:
    answer = client.post("/api/design/memory", json={"text": "memo", **asked})
    assert answer.status_code == 400
    assert answer.json()["error"]["text"].startswith(text)
    assert "\n" not in answer.json()["error"]["text"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"text": 3}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_request_is_status_400(client: TestClient, body: bytes) -> None:
    answer = client.post("/api/design/plan", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["problem"] == "unreadable request"


def test_words_are_those_of_the_layers(client: TestClient) -> None:
    words = client.get("/api/design/words").json()
    conv = next(layer for layer in words["layers"] if layer["name"] == "CONV")
    assert [argument["key"] for argument in conv["arguments"]] == [
        "filters",
        "F",
        "S",
        "P",
        "dilation",
        "groups",
        "bias",
    ]
    assert next(a for a in conv["arguments"] if a["key"] == "P")["words"] == ["same", "valid"]
    assert {"vgg16", "memo"} <= {entry["name"] for entry in words["zoo"]}
    assert {"name": "RTX 4090", "memory": "24 GiB"} in words["cards"]
    for example in words["examples"]:
        assert plan(client, example["text"])["error"] is None


@pytest.mark.parametrize("text", ["memo", "resnet50"])
def test_an_answer_takes_well_under_50_milliseconds(text: str) -> None:
    plan_answer(Drawn(text))
    seconds = []
    for width in range(800, 805):
        began = time.perf_counter()
        plan_answer(Drawn(text, width=width))
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.05, f"{1000 * min(seconds):.1f} ms"


# --- in the browser, as a person would ---

LINE = "INPUT(28x28x1) -> CONV(8) -> RELU -> POOL -> FC(10)"


def wait_for_line(page: Page, text: str) -> None:
    """Until the figures are those of ``text``."""
    page.wait_for_function("text => document.querySelector('.view-design').dataset.line === text", arg=text)


def fact(page: Page, name: str) -> str:
    return page.locator(f"dl[aria-label=Totals] div:has(dt:text-is('{name}')) dd").inner_text()


def test_typing_shows_figures_and_errors_where_they_are(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=LINE)
    wait_for_line(page, LINE)
    assert fact(page, "parameters") == f"{(9 + 1) * 8 + (14 * 14 * 8 + 1) * 10:,}"
    field = page.get_by_label("The network in one line")
    field.press("End")
    field.press_sequentially(" -> KONV(")
    page.wait_for_selector("mark.wrong")
    assert page.locator("mark.wrong").inner_text() == "\u00a0"  # the end of the text
    assert "a value is missing" in page.locator("#line-error").inner_text()
    field.press_sequentially("3)")
    page.wait_for_function("() => document.querySelector('mark.wrong')?.textContent === 'KONV'")
    assert "did you mean CONV?" in page.locator("#line-error").inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    assert fact(page, "parameters") == "15,770"  # the last figures stay, faded
    for _ in " -> KONV(3)":
        field.press("Backspace")
    wait_for_line(page, LINE)
    assert page.locator("#line-error").inner_text() == ""
    assert page.locator("mark.wrong").count() == 0


def test_names_and_arguments_are_completed(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net="INPUT(8x8x1) ")
    field = page.get_by_label("The network in one line")
    field.press("End")
    field.press_sequentially("-> co")
    options = page.get_by_role("listbox", name="Completions").get_by_role("option")
    options.first.wait_for()
    assert [name.split()[0] for name in options.locator("b").all_inner_texts()] == ["CONV", "CONCAT"]
    field.press("Enter")
    assert field.input_value() == "INPUT(8x8x1) -> CONV"
    field.press_sequentially("(4, p")
    options.first.wait_for()
    assert options.locator("b").all_inner_texts() == ["P"]
    field.press("Tab")
    options.first.wait_for()
    assert field.get_attribute("aria-activedescendant") is None  # nothing is chosen before a letter or an arrow
    field.press("ArrowDown")
    field.press("ArrowDown")
    assert options.nth(1).get_attribute("aria-selected") == "true"
    field.press("Enter")
    field.press_sequentially(") -> FC(2)")
    assert field.input_value() == "INPUT(8x8x1) -> CONV(4, P=valid) -> FC(2)"
    wait_for_line(page, field.input_value())
    assert page.get_by_role("listbox").count() == 0


def test_a_name_of_the_zoo_is_drawn_and_written_out(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design")
    field = page.get_by_label("The network in one line")
    field.fill("")
    field.press_sequentially("lenet5_")
    page.get_by_role("listbox").get_by_role("option", name="lenet5_1998").wait_for()
    field.press("Enter")
    wait_for_line(page, "lenet5_1998")
    page.get_by_role("button", name="Write it out").click()
    page.wait_for_function("() => document.querySelector('#line').value.includes('INPUT(32x32x1)')")
    assert page.locator("svg.tatami-net").get_attribute("aria-label") is not None


def test_sliders_rewrite_the_line(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=LINE)
    wait_for_line(page, LINE)
    slider = page.get_by_label("CONV filters")
    slider.focus()
    assert page.locator("mark.shown").inner_text() == "8"
    for _ in range(4):
        slider.press("ArrowRight")
    wait_for_line(page, LINE.replace("CONV(8)", "CONV(12)"))
    page.get_by_label("FC units").press("ArrowLeft")  # its place has moved by one
    changed = LINE.replace("CONV(8)", "CONV(12)").replace("FC(10)", "FC(9)")
    wait_for_line(page, changed)
    page.wait_for_function("() => decodeURIComponent(location.hash).includes('FC(9)')")


def test_figures_follow_a_slider_while_it_moves(page: Page, visit: Callable[..., None]) -> None:
    visit(
        page, "design", net="INPUT(224x224x3) -> CONV(64, 7, S=2, P=3) -> [RES[CONV(64) -> BN -> RELU]]*40 -> FC(1000)"
    )
    page.wait_for_function("() => document.querySelector('.view-design').dataset.line")
    seen = page.evaluate(
        """async () => {
          const slider = document.querySelector('input[aria-label="FC units"]'), seen = new Set();
          for (let units = 1000; units > 850; units--) {
            slider.value = units;
            slider.dispatchEvent(new Event("input"));
            seen.add(document.querySelector(".view-design").dataset.line);
            await new Promise((done) => setTimeout(done, 10));
          }
          return [...seen];
        }"""
    )
    assert len(seen) > 5  # and not only when the hand has come to rest
    page.wait_for_function("() => document.querySelector('.view-design').dataset.line.endsWith('FC(851)')")
    assert page.get_by_label("The network in one line").input_value().endswith("*40 -> FC(851)")


def test_sliders_bind_free_names(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=PATTERN, **{"b.M": 2})
    wait_for_line(page, PATTERN)
    rows = page.locator(".layers tbody tr")
    assert rows.filter(has_text="pool2").count() == 1
    page.get_by_label("N", exact=True).press("ArrowRight")
    rows.filter(has_text="conv4").wait_for()
    page.get_by_label("POOL?").select_option("no")
    rows.filter(has_text="pool1").wait_for(state="detached")
    page.wait_for_function("() => location.hash.includes('b.N=2') && location.hash.includes('b.POOL=no')")


def test_the_address_holds_the_whole_state(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=PATTERN, batch=64, card="RTX 4090", optimizer="sgd", **{"b.N": 3})
    page.get_by_text("largest batch", exact=True).wait_for()
    before = page.locator(".memory dl").inner_text()
    page.wait_for_function("() => location.hash.includes('b.K=1')")
    page.reload()
    page.get_by_text("largest batch", exact=True).wait_for()
    assert page.locator(".memory dl").inner_text() == before
    assert page.get_by_label("The network in one line").input_value() == PATTERN
    assert page.get_by_label("Card").input_value() == "RTX 4090"


def test_a_size_that_does_not_fit_shows_three_ways_and_takes_one(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=ALEXNET_LIKE)
    panel = page.locator(".misfit")
    panel.wait_for()
    assert panel.get_by_role("heading").first.inner_text() == "conv1 does not fit: (227 - 11 + 2*1)/4 + 1 = 55.5"
    for output in ("55x55x96", "56x56x96", "57x57x96"):
        assert panel.get_by_text(output, exact=True).count() == 1
    assert panel.locator("svg .unseen").count() == 1  # pixel 226
    panel.get_by_role("button", name="Write pad").click()
    wait_for_line(page, ALEXNET_LIKE.replace("P=1", "P=(1, 3)"))
    panel.wait_for(state="hidden")


def test_a_block_and_its_row_point_at_each_other(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=LINE)
    wait_for_line(page, LINE)
    page.locator(".layers tbody tr", has_text="pool1").hover()
    assert "pool1: 14x14x8" in (page.locator(".drawing .here title").text_content() or "")


def test_figures_follow_a_key_within_50_milliseconds(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net=LINE)
    wait_for_line(page, LINE)
    took = []
    for _ in range(3):  # the machine may be busy with something else
        took.append(
            page.evaluate(
                """async () => {
              const field = document.getElementById("line"), view = document.querySelector(".view-design"), all = [];
              for (let filters = 9; filters < 30; filters++) {
                const text = field.value.replace(/CONV\\(\\d+\\)/, `CONV(${filters})`);
                const began = performance.now();
                field.value = text;
                field.dispatchEvent(new InputEvent("input"));
                while (view.dataset.line !== text) await new Promise((done) => setTimeout(done, 1));
                all.push(performance.now() - began);
                await new Promise((done) => setTimeout(done, 30));
              }
              return all.sort((a, b) => a - b)[10];
            }"""
            )
        )
    assert min(took) < 50, f"{min(took):.0f} ms in the median"


def test_it_is_accessible_and_looks_well(
    page: Page, visit: Callable[..., None], axe: Callable[[Page], None], screenshots: Callable[[Page, str], None]
) -> None:
    visit(page, "design", net=ALEXNET_LIKE, card="RTX 4090")
    page.get_by_text("largest batch", exact=True).wait_for()
    axe(page)
    screenshots(page, "design")
    page.get_by_label("The network in one line").press_sequentially(" KONV")
    page.wait_for_selector("mark.wrong")
    axe(page)


def test_a_deep_network_can_be_used_on_a_phone(phone: Page, visit: Callable[..., None]) -> None:
    visit(phone, "design", net="resnet50")
    wait_for_line(phone, "resnet50")
    assert re.fullmatch(r"25,5\d\d,\d{3}", fact(phone, "parameters"))
    phone.locator(".layers tbody tr", has_text="fc1").wait_for()
    assert phone.locator(".layers tbody tr").count() == len(find_network("resnet50").build().nodes)
