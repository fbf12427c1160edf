from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
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
        ("32", "INPUT height"),
        ("16", "INPUT width"),
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
        "INPUT height",
        "INPUT width",
        "INPUT depth",
        "CONV filters",
    ]
    assert [n.label for n in numbers_in("INPUT(150x1) -> ")] == ["INPUT length", "INPUT depth"]
    assert [n.label for n in numbers_in("INPUT(8x8x8x1) -> ")] == [*["INPUT size"] * 3, "INPUT depth"]
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
