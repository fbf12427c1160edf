from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from tatami.network import find_network
from tatami.plan import make_plan
from tatami.train import TrainConfig, train
from tatami.train.run import EVENTS
from tatami.web.app import make_app
from tatami.web.session import Session

if TYPE_CHECKING:
    from playwright.sync_api import Page

PORT, TOKEN = 8767, "the-token-of-this-test"
HOME = f"http://127.0.0.1:{PORT}"
SMALL = "INPUT -> CONV(2) -> RELU -> POOL(4) -> FC"


def make_run(folder: Path, name: str, **settings: Any) -> Path:
    """Train a network so small that it takes a moment."""
    config = TrainConfig(net=SMALL, data="sample:digits", batch=512, test=False, **settings)
    return train(find_network(SMALL), config, folder / name, lambda event: None).run.path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    make_run(folder, "slow", epochs=2, lr=0.001)
    make_run(folder, "fast", epochs=3, lr=0.01)
    return folder


@pytest.fixture
def client(runs: Path) -> Iterator[TestClient]:
    with TestClient(make_app(Session(runs_folder=runs), TOKEN, PORT), base_url=HOME, headers={"Origin": HOME}) as it:
        assert it.get(f"/?token={TOKEN}").status_code == 200
        yield it


def networks(client: TestClient, *texts: str, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/compare/networks", json={"lines": [{"text": text} for text in texts], **asked})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def row(answer: dict[str, Any], label: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = next(row["cells"] for row in answer["rows"] if row["label"] == label)
    return found


# --- networks ---


def test_networks_are_measured_by_the_first(client: TestClient) -> None:
    answer = networks(client, "vgg16", "alexnet", "INPUT(8x8x1) -> FC(10)")
    assert answer["names"] == ["vgg16", "alexnet", "net 3"]
    params = [make_plan(find_network(net).build()).totals.params for net in ("vgg16", "alexnet")]
    first, second, third = row(answer, "parameters")
    assert (first["text"], first["ratio"], first["extreme"]) == ("138M", "", "largest")
    assert second["ratio"] == f"{params[1] / params[0]:.3g}x"
    assert (third["text"], third["extreme"]) == ("650", "smallest")  # 64*10 + 10
    assert len(answer["drawings"]) == 3
    assert all(drawing.startswith("<svg") and "style" not in drawing for drawing in answer["drawings"])
    assert any("parameters" in sentence for sentence in answer["words"])


def test_the_same_network_twice_has_no_extremes(client: TestClient) -> None:
    answer = networks(client, "memo", "memo")
    assert answer["names"] == ["memo (1)", "memo (2)"]
    assert all(not cell["extreme"] and not cell["ratio"] for row in answer["rows"] for cell in row["cells"])


def test_a_line_that_is_no_network_leaves_the_others(client: TestClient) -> None:
    answer = networks(client, "memo", "INPUT(8x8x1) -> KONV", "lenet5")
    assert [error and error["problem"] for error in answer["errors"]] == [None, "unknown layer KONV", None]
    assert answer["names"] == ["memo", "lenet5"]
    assert networks(client)["names"] == []


def test_more_than_a_table_holds_is_refused(client: TestClient) -> None:
    answer = client.post("/api/compare/networks", json={"lines": [{"text": "memo"}] * 13})
    assert answer.status_code == 400
    assert answer.json()["error"]["text"] == "too many networks at once; got 13; expected at most 12"


# --- runs ---


def test_runs_are_listed_newest_first_with_their_best(client: TestClient, runs: Path) -> None:
    listed = client.get("/api/compare/runs").json()["runs"]
    assert [run["id"] for run in listed] == ["fast", "slow"]
    fast = listed[0]
    epochs = [event for event in _events(runs / "fast") if event["event"] == "epoch"]
    assert fast["loss"] == f"{min(epoch['validation_loss'] for epoch in epochs):.4f}"
    assert fast["accuracy"] == f"{100 * max(epoch['validation_accuracy'] for epoch in epochs):.2f}%"
    assert (fast["epochs"], fast["state"], fast["data"]) == ("3 of 3", "finished", "sample:digits")


def _events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / EVENTS).read_text().splitlines()]


def test_curves_are_those_of_the_events(client: TestClient, runs: Path) -> None:
    answer = client.get("/api/compare/run/slow").json()
    epochs = [event for event in _events(runs / "slow") if event["event"] == "epoch"]
    steps = [event for event in _events(runs / "slow") if event["event"] == "step"]
    curves = answer["curves"]
    assert curves["validation"] == {
        "x": [epoch["step"] for epoch in epochs],
        "y": [epoch["validation_loss"] for epoch in epochs],
    }
    assert curves["training"]["y"] == [step["loss"] for step in steps]
    assert curves["rate"]["x"] == [step["step"] for step in steps]
    assert len(curves["accuracy"]["y"]) == 2
    assert dict(answer["settings"])["lr"] == "0.001"
    assert SMALL.split()[0] in answer["notation"]


def test_what_is_known_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/api/compare/run/slow").json()
    again = client.get(f"/api/compare/run/slow?stamp={first['stamp']}").json()
    assert again == {"stamp": first["stamp"]}


def test_a_run_is_read_while_it_trains(client: TestClient, runs: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    states: set[str] = set()

    def look(event: Any) -> None:
        if event.kind in ("step", "epoch"):
            answer = client.get("/api/compare/run/live")
            assert answer.status_code == 200, answer.text
            seen.append(len(answer.json()["curves"]["validation"]["x"]))
            states.update(run["state"] for run in client.get("/api/compare/runs").json()["runs"] if run["id"] == "live")

    config = TrainConfig(net=SMALL, data="sample:digits", batch=512, test=False, epochs=2)
    train(find_network(SMALL), config, runs / "live", look)
    assert seen == sorted(seen)
    assert {0, 1} <= set(seen)
    assert states == {"not ended"}
    assert client.get("/api/compare/runs").json()["runs"][0]["state"] == "finished"


def test_a_line_that_is_being_written_is_left_out(client: TestClient, runs: Path) -> None:
    whole = client.get("/api/compare/run/fast").json()["curves"]
    events = runs / "fast" / EVENTS
    text = events.read_text()
    try:
        events.write_text(text + '{"event": "step", "epo')
        assert client.get("/api/compare/run/fast").json()["curves"] == whole
    finally:
        events.write_text(text)


def test_a_damaged_run_says_so_and_leaves_the_others(client: TestClient, runs: Path) -> None:
    broken = runs / "broken"
    broken.mkdir()
    (broken / "config.toml").write_text("x = 1\n")
    (broken / EVENTS).write_text("not json\n")
    try:
        listed = {run["id"]: run["error"] for run in client.get("/api/compare/runs").json()["runs"]}
        assert listed["broken"].endswith("not an event of a run; got not json")
        assert listed["fast"] is None
        assert client.get("/api/compare/run/broken").status_code == 400
    finally:
        for path in broken.iterdir():
            path.unlink()
        broken.rmdir()


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e", "..%2fruns", "%2fetc", "slow%2fevents.jsonl", "slow%00"])
def test_only_listed_runs_are_read(client: TestClient, name: str) -> None:
    answer = client.get(f"/api/compare/run/{name}")
    assert answer.status_code in (400, 404)
    if answer.status_code == 400:
        assert answer.json()["error"]["problem"] == "no such run here"


# --- in the browser ---


@pytest.fixture(scope="module")
def trained(server: Any) -> None:
    """Two runs in the folder of the browser's server."""
    make_run(server.runs, "first", epochs=2, lr=0.001)
    make_run(server.runs, "second", epochs=2, lr=0.01)


def wait_for_lines(page: Page, lines: list[str]) -> None:
    page.wait_for_function(
        "lines => [...document.querySelectorAll('[data-lines]')].some((each) => each.dataset.lines === lines)",
        arg=json.dumps(lines, separators=(",", ":")),
    )


def test_networks_are_added_changed_and_removed(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "compare", n1="memo", n2="lenet5")
    wait_for_lines(page, ["memo", "lenet5"])
    table = page.locator(".side-by-side")
    assert table.locator("thead th").all_inner_texts() == ["memo", "lenet5"]
    page.get_by_role("button", name="Add a network").click()
    page.get_by_role("textbox", name="Network 3").press_sequentially("INPUT(8x8x1) -> FC(10)")
    wait_for_lines(page, ["memo", "lenet5", "INPUT(8x8x1) -> FC(10)"])
    parameters = table.locator("tr", has=page.locator("th", has_text="parameters"))
    assert parameters.locator("td").nth(2).inner_text().startswith("650")
    page.get_by_role("button", name="Remove network 1").click()
    wait_for_lines(page, ["lenet5", "INPUT(8x8x1) -> FC(10)"])
    page.get_by_role("textbox", name="Network 1").fill("lenet")
    page.locator(".lines .error", has_text="did you mean lenet5?").wait_for()
    page.wait_for_function("() => location.hash.includes('n1=lenet&') && !location.hash.includes('n3')")


def test_the_line_of_design_is_compared(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "design", net="INPUT(8x8x1) -> FC(10)")
    page.wait_for_function("() => document.querySelector('.view-design').dataset.line")
    page.get_by_role("link", name="Compare").click()
    wait_for_lines(page, ["INPUT(8x8x1) -> FC(10)", "memo"])


@pytest.mark.usefixtures("trained")
def test_runs_are_chosen_and_their_curves_overlaid(page: Page, visit: Callable[..., None]) -> None:
    visit(page, "compare")
    page.get_by_label("first", exact=True).check()
    page.get_by_label("second", exact=True).check()
    page.wait_for_function("() => document.querySelector('.charts')?.dataset.runs?.includes('second@')")
    loss = page.get_by_role("group", name="Loss")
    labels = loss.locator(".u-legend th").all_inner_texts()
    assert labels == ["step", "first training", "first validation", "second training", "second validation"]
    differs = page.get_by_role("table", name="Settings that differ")
    assert differs.locator("tbody tr", has_text="lr").locator("td").all_inner_texts() == ["0.001", "0.01"]
    page.reload()
    page.get_by_role("group", name="Loss").wait_for()
    assert page.get_by_label("second", exact=True).is_checked()
    page.get_by_label("first", exact=True).uncheck()
    page.wait_for_function(
        "() => document.querySelectorAll('.charts .u-legend')[1]?.querySelectorAll('tr').length === 2"
    )


@pytest.mark.usefixtures("trained")
def test_a_run_that_trains_is_followed(page: Page, visit: Callable[..., None], server: Any) -> None:
    visit(page, "compare", runs="growing")
    whole = (server.runs / "first" / EVENTS).read_text().splitlines(keepends=True)
    growing = server.runs / "growing"
    growing.mkdir()
    for name in ("config.toml", "network.net"):
        (growing / name).write_text((server.runs / "first" / name).read_text())
    at = next(i for i, line in enumerate(whole) if '"epoch"' in line and line.startswith('{"event": "epoch"'))
    (growing / EVENTS).write_text("".join(whole[: at + 1]))
    row = page.locator("tr[data-run=growing]")
    row.get_by_text("1 of 2").wait_for()
    row.get_by_label("growing").check()
    page.wait_for_function("() => document.querySelector('.charts')?.dataset.runs?.startsWith('growing@')")
    with (growing / EVENTS).open("a") as file:
        file.writelines(whole[at + 1 :])
    row.get_by_text("2 of 2").wait_for()
    row.get_by_text("finished").wait_for()


@pytest.mark.usefixtures("trained")
def test_it_is_accessible_and_looks_well(
    page: Page, visit: Callable[..., None], axe: Callable[[Page], None], screenshots: Callable[[Page, str], None]
) -> None:
    visit(page, "compare", runs="first/second", n1="memo", n2="lenet5", n3="KONV")
    page.wait_for_function("() => document.querySelector('.charts')?.dataset.runs?.includes('second@')")
    wait_for_lines(page, ["memo", "lenet5", "KONV"])
    axe(page)
    screenshots(page, "compare")
