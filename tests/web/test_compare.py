from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tatami.network import find_network
from tatami.plan import make_plan
from tatami.train import TrainConfig, train
from tatami.train.run import EVENTS
from tatami.web.app import make_app
from tatami.web.session import Session

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
