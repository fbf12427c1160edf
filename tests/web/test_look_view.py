"""What the look view answers: frames, files, the samples behind a cell; without a browser."""

import base64
import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tatami.data import load_sample
from tatami.inspect.embedding import Method, embedding
from tatami.inspect.field import field_of
from tatami.inspect.grad_cam import grad_cam
from tatami.inspect.occlusion import occlusion
from tatami.inspect.passes import activations, scores
from tatami.inspect.patches import top_patches, top_patches_of_units
from tatami.inspect.saliency import integrated_gradients, saliency, smooth_grad
from tatami.inspect.subject import Subject
from tatami.network import find_network
from tatami.train import TrainConfig, load_trained, resume, train
from tatami.web.arrays import packed
from tatami.web.look_unit import filter_owner
from tatami.web.session import Session
from tatami.web.views.look import routes

DIGITS = "INPUT -> CONV(4, S=2) -> RELU -> POOL -> [FC(16) -> RELU]*1 -> FC"
SIGNALS = "INPUT -> CONV(4, 7) -> RELU -> POOL -> FC"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    for name, net, data in (("digits-1", DIGITS, "sample:digits"), ("gunpoint-1", SIGNALS, "sample:gunpoint")):
        config = TrainConfig(data, engine="cpu", epochs=1, augment="none")
        train(find_network(net), config, folder / name, lambda event: None)
    return folder


@pytest.fixture(scope="module")
def client(runs: Path) -> Iterator[TestClient]:
    session = Session(None, runs)
    yield TestClient(Starlette(routes=routes(session)))
    session.close()


def frame_at(client: TestClient, run: str, raw: np.ndarray, **said: str) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The head of a frame, and its maps with their units first, read by the byte."""
    query = urlencode({"shape": "x".join(map(str, raw.shape)), "dtype": str(raw.dtype), **said})
    answer = client.post(f"/api/look/{run}/frame?{query}", content=raw.tobytes())
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack_from("<I", answer.content)
    head, at, maps = json.loads(answer.content[4 : 4 + length]), 4 + length, []
    for layer in client.get(f"/api/look/{run}/network").json()["layers"]:
        *spatial, units = layer["shape"]
        size = int(np.prod(layer["shape"]))
        maps.append(np.frombuffer(answer.content, np.uint8, size, at).reshape(units, *spatial))
        at += size
    assert at == len(answer.content)
    return head, maps


def unpacked(array: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(array["data"]), array["dtype"])
    return values.reshape(array["shape"])


def error_of(answer: Any) -> str:
    assert answer.status_code == 400
    text = answer.json()["error"]["text"]
    assert isinstance(text, str)
    assert "\n" not in text
    return text


def worked(client: TestClient, path: str) -> dict[str, Any]:
    """The answer of work behind the page, asked for until it is there."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        if "working" not in found:
            return found
    raise AssertionError("never ready")


# --- frames ---


@pytest.mark.parametrize(("run", "sample"), [("digits-1", "digits"), ("gunpoint-1", "gunpoint")])
def test_a_frame_holds_what_every_layer_answers(client: TestClient, runs: Path, run: str, sample: str) -> None:
    split = load_sample(sample).test
    assert split is not None
    raw = split.x[3]
    head, maps = frame_at(client, run, raw)
    subject = Subject.of(runs / run)
    outputs = activations(subject, subject.prepare(raw[None]))
    assert len(maps) == len(outputs)
    for low, high, found, (name, output) in zip(head["low"], head["high"], maps, outputs.items(), strict=True):
        assert (low, high) == pytest.approx((output.min(), output.max()), rel=1e-5, abs=1e-6)
        exact = np.moveaxis(output[0], -1, 0)
        np.testing.assert_allclose(
            low + found * (high - low) / 255, exact, atol=(high - low) / 509 + 1e-5, err_msg=name
        )
    trained = load_trained(runs / run)
    scores = trained.model.forward(trained.identity.preprocess(raw[None]))[0]
    np.testing.assert_allclose(head["scores"], scores, rtol=1e-3, atol=1e-4)
    shares = np.exp(scores - scores.max())
    np.testing.assert_allclose(head["probabilities"], shares / shares.sum(), atol=1e-4)


# --- drawings and files ---


def test_a_large_drawing_shrinks_to_the_input(client: TestClient) -> None:
    drawing = np.zeros((112, 112, 1), np.uint8)
    drawing[40:80, 52:60] = 255
    plain, _ = frame_at(client, "digits-1", drawing)
    small = drawing.reshape(28, 4, 28, 4, 1).mean((1, 3)).astype(np.uint8)
    exact, _ = frame_at(client, "digits-1", small)
    np.testing.assert_allclose(plain["scores"], exact["scores"], atol=0.5)
    centred, _ = frame_at(client, "digits-1", drawing, centred="yes")
    assert centred["scores"] != plain["scores"]


def test_a_picture_file_becomes_a_sample(client: TestClient) -> None:
    split = load_sample("digits").test
    assert split is not None
    file = io.BytesIO()
    Image.fromarray(split.x[7][..., 0]).save(file, "PNG")
    found = client.post("/api/look/digits-1/file?name=seven.png", content=file.getvalue()).json()
    answer = found["sample"]
    assert (answer["shape"], answer["dtype"], found["tone"]) == ([28, 28, 1], "uint8", "")
    assert base64.b64decode(answer["data"]) == split.x[7].tobytes()


def test_a_sound_file_becomes_a_sample(client: TestClient) -> None:
    wave = np.linspace(-0.5, 0.5, 150, dtype=np.float32)
    file = io.BytesIO()
    wavfile.write(file, 1000, wave)
    answer = client.post("/api/look/gunpoint-1/file?name=a.wav", content=file.getvalue()).json()["sample"]
    assert answer["shape"] == [150, 1]
    assert answer["dtype"] == "float32"


@pytest.mark.parametrize(
    ("run", "content", "said"),
    [
        ("digits-1", b"no picture", "not a readable picture"),
        ("digits-1", b"", "not a readable picture"),
        ("gunpoint-1", b"no sound", "not a readable WAV file"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(client: TestClient, run: str, content: bytes, said: str) -> None:
    text = error_of(client.post(f"/api/look/{run}/file?name=x.bin", content=content))
    assert text.startswith(f"x.bin: {said}")


def test_a_picture_of_too_many_pixels_is_refused(client: TestClient) -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    assert "too many pixels" in error_of(client.post("/api/look/digits-1/file?name=big.png", content=file.getvalue()))


def test_a_sound_of_another_length_is_refused(client: TestClient) -> None:
    file = io.BytesIO()
    wavfile.write(file, 1000, np.zeros(20, np.float32))
    text = error_of(client.post("/api/look/gunpoint-1/file?name=a.wav", content=file.getvalue()))
    assert "another length or depth" in text


# --- requests that make no sense ---


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("nobody/frame?shape=28x28x1", bytes(784), "no such run here"),
        ("digits-1/frame?shape=28x28", bytes(784), "the network takes images of another rank; got 28x28; expected"),
        ("digits-1/frame?shape=28x28x2&dtype=uint8", bytes(1568), "an image of another depth"),
        ("digits-1/frame?shape=28x28x1", bytes(783), "a sample of another size than its shape"),
        ("digits-1/frame?shape=0x28x1", b"", "unreadable shape"),
        ("digits-1/frame?shape=axb", b"", "unreadable shape"),
        ("digits-1/frame?shape=1000x1000x1", bytes(10**6), "a drawing too large"),
        ("digits-1/frame?shape=28x28x1&dtype=int8", bytes(784), "no such type of values"),
        ("digits-1/frame?shape=28x28x1&dtype=float32", bytes(3136), "samples of another range of values"),
        ("gunpoint-1/frame?shape=150x1&dtype=float32", np.full(150, np.nan, "<f4").tobytes(), "NaN or infinity"),
        ("gunpoint-1/frame?shape=20x1&dtype=float32", bytes(80), "a signal of another length"),
        ("gunpoint-1/frame?shape=150x1&dtype=float32&centred=yes", bytes(600), "only grey pictures are centred"),
    ],
)
def test_a_bad_frame_is_refused_in_one_line(client: TestClient, path: str, body: bytes, said: str) -> None:
    assert said in error_of(client.post(f"/api/look/{path}", content=body))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("digits-1/samples/1000", "bad row; got '1000'; expected a whole number from 0 to 999"),
        ("digits-1/samples/x", "bad row"),
        ("digits-1/cell?true=10&predicted=0", "bad true"),
        ("digits-1/cell?true=1", "bad predicted"),
        ("digits-1/embedding?method=umap", "no such embedding; got umap; expected pca or tsne"),
    ],
)
def test_a_bad_question_is_refused_in_one_line(client: TestClient, path: str, said: str) -> None:
    assert said in error_of(client.get(f"/api/look/{path}"))


def test_a_run_without_weights_says_so(runs: Path, client: TestClient) -> None:
    (runs / "begun-1").mkdir()
    (runs / "begun-1" / "config.toml").write_text("")
    try:
        assert "this run has no weights yet" in error_of(client.get("/api/look/begun-1/network"))
        listed = [run["id"] for run in client.get("/api/look/runs").json()["runs"]]
    finally:
        (runs / "begun-1" / "config.toml").unlink()
        (runs / "begun-1").rmdir()
    assert sorted(listed) == ["digits-1", "gunpoint-1"]


# --- the test behind the figures ---


def test_the_pictures_of_a_cell_are_those_with_its_label_and_prediction(client: TestClient, runs: Path) -> None:
    matrix = client.get("/api/look/digits-1/confusion").json()
    split = load_sample("digits").test
    assert split is not None
    assert split.y is not None
    trained = load_trained(runs / "digits-1")
    predicted = trained.model.forward(trained.identity.preprocess(split.x)).argmax(axis=1)
    total = 0
    for i, true in enumerate(matrix["labels"]):
        for j, taken in enumerate(matrix["labels"]):
            total += matrix["rows"][i][j]
            if (i, j) not in {(4, 4), (4, 9), (3, 5), (7, 7)}:
                continue
            found = worked(client, f"/api/look/digits-1/cell?true={true}&predicted={taken}")
            assert found["count"] == matrix["rows"][i][j]
            wanted = np.flatnonzero((split.y == true) & (predicted == taken))
            rows = [sample["row"] for sample in found["samples"]]
            assert set(rows) <= set(wanted.tolist())
            assert len(rows) == min(len(wanted), 60)
            for sample in found["samples"]:
                assert (sample["true"], sample["predicted"]) == (str(true), str(taken))
            sure = [sample["probability"] for sample in found["samples"]]
            assert sure == sorted(sure, reverse=True)
    assert total == matrix["total"] == 1000


def test_a_sample_comes_as_it_is(client: TestClient) -> None:
    split = load_sample("gunpoint").test
    assert split is not None
    assert split.y is not None
    found = client.get("/api/look/gunpoint-1/samples/5").json()
    assert (found["row"], found["count"]) == (5, 150)
    assert found["true"] == load_sample("gunpoint").classes[int(split.y[5])]
    assert found["sample"]["shape"] == [150, 1]


# --- units ---


def test_a_unit_is_opened_with_what_the_library_finds(client: TestClient, runs: Path) -> None:
    split = load_sample("digits").test
    assert split is not None
    subject = Subject.of(runs / "digits-1")
    x = subject.prepare(split.x[:1])
    asked = {"run": "digits-1", "sample": packed(split.x[0]), "layer": "relu1", "unit": 2}
    found = client.post("/api/look/unit", json=asked).json()
    answer = activations(subject, x)["relu1"][0, ..., 2]
    np.testing.assert_array_equal(unpacked(found["map"]), answer)
    row, column = found["position"]
    assert answer[row, column] == answer.max() == found["value"]
    assert found["field"] == [list(span) for span in field_of(subject.network, "relu1", (row, column))]
    assert found["reach"] == [list(span) for span in field_of(subject.network, "relu1", (row, column), clip=False)]
    assert found["filter"]["layer"] == "conv1"
    np.testing.assert_array_equal(unpacked(found["filter"]["values"]), subject.weights["conv1"]["weight"][..., 2])
    there = client.post("/api/look/unit", json={**asked, "position": [3, 4]}).json()
    assert (there["position"], there["value"]) == ([3, 4], answer[3, 4])


def test_a_unit_without_positions_sees_all_and_one_that_adds_has_no_filter(client: TestClient, runs: Path) -> None:
    raw = packed(np.zeros((150, 1), np.float32))
    found = client.post("/api/look/unit", json={"run": "gunpoint-1", "sample": raw, "layer": "fc1", "unit": 1}).json()
    assert (found["position"], found["map"]["shape"], found["field"]) == ([], [], [[0, 150]])
    assert found["filter"]["values"]["shape"] == [75, 4]
    assert filter_owner(find_network("INPUT(8x8x2) -> RES[CONV(2)] -> RELU").build(), "relu1") is None
    assert filter_owner(find_network("INPUT(8x8x1) -> CONV(2) -> BN -> RELU -> POOL").build(), "pool1") == "conv1"
    assert filter_owner(find_network("INPUT(8x8x1) -> CONV(2) -> FLATTEN -> RELU").build(), "relu1") is None


@pytest.mark.parametrize("run", ["digits-1", "gunpoint-1"])
def test_what_a_score_depends_on_is_what_the_library_finds(client: TestClient, runs: Path, run: str) -> None:
    split = load_sample(run.partition("-")[0]).test
    assert split is not None
    subject = Subject.of(runs / run)
    x, sample = subject.prepare(split.x[2:3]), packed(split.x[2])
    best = int(scores(subject, x)[0].argmax())

    def asked(method: str, **said: Any) -> np.ndarray:
        found = client.post("/api/look/explain", json={"run": run, "sample": sample, "method": method, **said}).json()
        assert found["target"] == said.get("target", best)
        assert found["score"] == pytest.approx(float(scores(subject, x)[0, found["target"]]))
        return unpacked(found["map"])

    np.testing.assert_array_equal(asked("saliency"), saliency(subject, x, best)[0].max(axis=-1))
    np.testing.assert_array_equal(asked("saliency", target=1), saliency(subject, x, 1)[0].max(axis=-1))
    np.testing.assert_array_equal(asked("smooth_grad"), np.abs(smooth_grad(subject, x, best)[0]).max(axis=-1))
    shares = integrated_gradients(subject, x, best)[0].sum(axis=-1)
    np.testing.assert_allclose(asked("integrated_gradients"), shares, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(asked("grad_cam", layer="conv1"), grad_cam(subject, x, best, "conv1")[0])
    window = 4 if run == "digits-1" else 22
    np.testing.assert_array_equal(asked("occlusion"), occlusion(subject, x, best, window, window // 2)[0])


@pytest.mark.parametrize(
    ("path", "said", "text"),
    [
        ("unit", {"layer": "conv9", "unit": 0}, "no such layer; got conv9"),
        ("unit", {"layer": "conv1", "unit": 4}, "conv1: no such unit; got 4; expected 0 to 3"),
        ("unit", {"layer": "conv1", "unit": 0, "position": [1]}, "conv1: no such position; got (1,)"),
        (
            "unit",
            {"layer": "conv1", "unit": 0, "sample": {"shape": [1, 1], "dtype": "uint8", "data": "?"}},
            "no base64",
        ),
        ("unit", {"layer": "conv1"}, "unreadable request"),
        ("explain", {"method": "magic"}, "no such method; got magic"),
        ("explain", {"method": "saliency", "target": 10}, "target out of range"),
        ("explain", {"method": "grad_cam", "layer": "fc1"}, "fc1: this layer has no positions"),
    ],
)
def test_a_bad_unit_is_refused_in_one_line(client: TestClient, path: str, said: dict[str, Any], text: str) -> None:
    asked = {"run": "digits-1", "sample": packed(np.zeros((28, 28, 1), np.uint8)), **said}
    assert text in error_of(client.post(f"/api/look/{path}", json=asked))


@pytest.mark.parametrize(
    ("run", "layer", "unit"), [("digits-1", "relu1", 3), ("digits-1", "fc1", 7), ("gunpoint-1", "pool1", 2)]
)
def test_the_patches_of_a_unit_are_those_that_the_library_finds(
    client: TestClient, runs: Path, run: str, layer: str, unit: int
) -> None:
    split = load_sample(run.partition("-")[0]).test
    assert split is not None
    found = worked(client, f"/api/look/{run}/patches?layer={layer}&unit={unit}")
    wanted = top_patches(Subject.of(runs / run), split, layer, unit, 12)
    assert (found["searched"], found["count"]) == (len(split), len(split))
    assert [patch["row"] for patch in found["patches"]] == [patch.index for patch in wanted]
    for told, patch in zip(found["patches"], wanted, strict=True):
        assert told["value"] == pytest.approx(patch.value)
        assert tuple(told["position"]) == patch.position
        assert tuple(map(tuple, told["field"])) == patch.field


def test_the_patch_shown_is_what_the_unit_sees(client: TestClient) -> None:
    split = load_sample("digits").test
    assert split is not None
    patch = worked(client, "/api/look/digits-1/patches?layer=relu1&unit=3")["patches"][0]
    (top, bottom), (left, right) = patch["field"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(patch["picture"].partition(",")[2]))))
    np.testing.assert_array_equal(pixels, split.x[patch["row"], top:bottom, left:right, 0])


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_points_of_an_embedding_are_the_librarys(client: TestClient, runs: Path, method: Method) -> None:
    data = load_sample("gunpoint").test
    assert data is not None
    assert data.y is not None
    found = worked(client, f"/api/look/gunpoint-1/embedding?method={method}")
    subject = Subject.of(runs / "gunpoint-1")
    np.testing.assert_allclose(
        unpacked(found["points"]), embedding(subject, subject.prepare(data.x), method), rtol=1e-5
    )
    assert found["rows"] == list(range(150))
    assert found["true"] == data.y.tolist()
    scored = scores(subject, subject.prepare(data.x)).argmax(axis=1)
    assert np.mean(np.array(found["predicted"]) == scored) > 0.99


# --- runs of other kinds, and in other states ---


def test_a_regression_is_looked_at_too(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 20, 1)).astype(np.float32)
    y = np.stack([3 * x[:, :10].mean((1, 2)) + 5, x.mean((1, 2))], axis=1).astype(np.float32)
    np.savez(tmp_path / "waves.npz", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:])
    train(
        find_network("INPUT -> CONV(4, 5) -> RELU -> FC"),
        TrainConfig(str(tmp_path / "waves.npz"), engine="textbook", epochs=2),
        tmp_path / "runs" / "waves-1",
        lambda event: None,
    )
    session = Session(None, tmp_path / "runs")
    client = TestClient(Starlette(routes=routes(session)))
    try:
        network = client.get("/api/look/waves-1/network").json()
        assert (network["classes"], len(network["targets"])) == ([], 2)
        head, _ = frame_at(client, "waves-1", x[41])
        assert head["probabilities"] == []
        trained = load_trained(tmp_path / "runs" / "waves-1")
        assert trained.identity.standard is not None
        outputs = trained.model.forward(trained.identity.preprocess(x[41:42]))
        np.testing.assert_allclose(head["scores"], trained.identity.standard.back(outputs)[0], rtol=1e-4)
        assert "this run keeps no confusion matrix" in error_of(client.get("/api/look/waves-1/confusion"))
        found = worked(client, "/api/look/waves-1/embedding")
        assert (len(found["rows"]), found["true"], found["predicted"]) == (20, None, None)
        patch = worked(client, "/api/look/waves-1/patches?layer=relu1&unit=1")["patches"][0]
        assert len(patch["curves"][0]) == patch["field"][0][1] - patch["field"][0][0]
        assert "probability" not in patch
    finally:
        session.close()


def test_data_that_are_gone_are_told_of_and_drawing_goes_on(tmp_path: Path, write_stripes: Callable[..., Path]) -> None:
    data = write_stripes(48, 20, tones=(200, 40), noise=40)
    train(
        find_network("INPUT -> CONV(4) -> RELU -> POOL -> FC"),
        TrainConfig(str(data), engine="textbook", epochs=1),
        tmp_path / "runs" / "stripes-1",
        lambda event: None,
    )
    data.unlink()
    session = Session(None, tmp_path / "runs")
    client = TestClient(Starlette(routes=routes(session)))
    try:
        for path in ("samples/0", "cell?true=0&predicted=1", "embedding", "patches?layer=conv1&unit=0"):
            assert "no such file or folder" in error_of(client.get(f"/api/look/stripes-1/{path}"))
        head, _ = frame_at(client, "stripes-1", np.zeros((8, 8, 1), np.uint8))
        assert sum(head["probabilities"]) == pytest.approx(1, abs=1e-5)
        assert client.get("/api/look/stripes-1/confusion").json()["total"] == 20
    finally:
        session.close()


def test_a_run_that_is_trained_on_is_opened_anew(tmp_path: Path, write_stripes: Callable[..., Path]) -> None:
    config = TrainConfig(str(write_stripes(48, 20, tones=(200, 40), noise=40)), engine="textbook", epochs=1)
    net = find_network("INPUT -> CONV(4) -> RELU -> POOL -> FC")
    train(net, config, tmp_path / "runs" / "stripes-1", lambda event: None)
    session = Session(None, tmp_path / "runs")
    client = TestClient(Starlette(routes=routes(session)))
    raw = np.full((8, 8, 1), 90, np.uint8)
    try:
        before, _ = frame_at(client, "stripes-1", raw)
        resume(tmp_path / "runs" / "stripes-1", lambda event: None, epochs=3)
        after, _ = frame_at(client, "stripes-1", raw)
    finally:
        session.close()
    assert before["scores"] != after["scores"]


def test_a_search_for_patches_tells_how_far_it_is(runs: Path) -> None:
    split = load_sample("gunpoint").test
    assert split is not None
    told: list[tuple[int, int]] = []
    found = top_patches_of_units(
        Subject.of(runs / "gunpoint-1"), split, {"conv1": [0, 2]}, 3, lambda *done: told.append(done)
    )
    assert list(found) == [("conv1", 0), ("conv1", 2)]
    assert told == [(64, 150), (128, 150), (150, 150)]
