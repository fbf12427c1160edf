"""What the server answers about one layer, against sums written out in NumPy from the sample's own pixels."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from tatami.data import load_sample
from tatami.engines import compile
from tatami.engines.initial import initial_weights
from tatami.network import find_network
from tatami.train import TrainConfig, train
from tatami.web.app import make_app
from tatami.web.convolution_incoming import MOST_MACS
from tatami.web.session import Session

PORT, TOKEN = 8768, "the-token-of-this-test"
HOME = f"http://127.0.0.1:{PORT}"
SMALL = "INPUT(28x28x1) -> CONV(4, 5, S=2) -> RELU -> CONV(6, 3, groups=2) -> POOL(3, S=2, P=same) -> FC(10)"
SIGNAL = "INPUT(150x1) -> CONV(4, 9, S=2) -> POOL(3, S=3) -> CONV(5, 3, dilation=4) -> FC(2)"

Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = make_app(Session(runs_folder=tmp_path_factory.mktemp("runs"), seed=3), TOKEN, PORT)
    with TestClient(app, base_url=HOME, headers={"Origin": HOME}) as it:
        assert it.get(f"/?token={TOKEN}").status_code == 200
        yield it


@pytest.fixture
def ask(client: TestClient) -> Ask:
    def asked(**values: Any) -> dict[str, Any]:
        answer = client.post("/api/convolution/layer", json={"text": SMALL, **values})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return asked


@pytest.fixture
def refused(client: TestClient) -> Callable[..., str]:
    """The one line that is said to something impossible."""

    def asked(path: str = "layer", **values: Any) -> str:
        answer = client.post(f"/api/convolution/{path}", json={"text": SMALL, **values})
        assert answer.status_code == 400, answer.text
        text: str = answer.json()["error"]["text"]
        assert "\n" not in text
        return text

    return asked


def array(answer: dict[str, Any], name: str) -> np.ndarray:
    packed = answer["part"][name]
    return np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"]).reshape(packed["shape"]).astype(float)


def prepared(data: str, row: int) -> np.ndarray:
    """A sample standardised by the training samples, as numbers of its own."""
    dataset = load_sample(data)
    assert dataset.test is not None
    scale = 255 if dataset.train.x.dtype == np.uint8 else 1
    train_x = dataset.train.x / scale
    return (dataset.test.x[row] / scale - train_x.mean()) / train_x.std()


def weights(text: str, name: str) -> np.ndarray:
    return initial_weights(find_network(text).build(), 3, np.dtype(np.float64))[name]


def windows(answer: dict[str, Any]) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """For each output position that is shown, what its window sees of the shown input."""
    axes = answer["axes"]
    for out in itertools.product(*(range(axis["stop"] - axis["first"]) for axis in axes)):
        yield (
            out,
            tuple(
                slice(o * a["stride"], o * a["stride"] + (a["size"] - 1) * a["dilation"] + 1, a["dilation"])
                for o, a in zip(out, axes, strict=True)
            ),
        )


def test_the_first_layer_over_a_digit_is_the_sum_of_the_formula(ask: Ask) -> None:
    answer = ask(sample=7, filter=2)
    W = weights(
        SMALL, "conv1.weight"
    )  # 5x5, S=2, same: 14 outputs, (14-1)*2 + 5 - 28 = 3 of padding, 1 before, 2 after
    X = np.pad(prepared("digits", 7), [(1, 2), (1, 2), (0, 0)])
    Y = np.array([[np.sum(X[x : x + 5, y : y + 5, :] * W[..., 2]) for y in range(0, 28, 2)] for x in range(0, 28, 2)])
    np.testing.assert_allclose(array(answer, "x"), X, atol=1e-5)
    np.testing.assert_allclose(array(answer, "weight"), W[..., 2], atol=1e-7)
    np.testing.assert_allclose(array(answer, "y"), Y, atol=1e-4)
    assert [(axis["before"], axis["after"], axis["output"]) for axis in answer["axes"]] == [(1, 2, 14)] * 2
    assert answer["rule"] == ["(W - F + 2P)/S + 1 = (28 - 5 + (1+2))/2 + 1 = 14"]
    assert answer["notes"] == ["weights: the first ones, seed 3, not trained"]
    assert answer["sample"]["label"] == load_sample("digits").classes[load_sample("digits").test.y[7]]


CASES = [
    {},
    {"settings": {"kernel_size": "3x2", "stride": "2x1", "padding": "(1, 0)", "dilation": "3", "depth": "3"}},
    {"settings": {"padding": "valid", "filters": "2"}, "filter": 1, "gradient": "cell", "cell": [3, 4]},
    {"layer": "conv2", "filter": 4, "channel": 3},
    {"layer": "conv2", "settings": {"kernel_size": "1"}},
    {"text": "INPUT(28x28x1) -> CONV(4) -> DWCONV(3, multiplier=2) -> FC(10)", "layer": "dwconv1", "filter": 5},
    {"text": "INPUT(28x28x1) -> CONV(4) -> DWCONV(3) -> FC(10)", "layer": "dwconv1", "settings": {"depth": "3"}},
    {"text": "INPUT(28x28x1) -> RES[CONV(4) -> RELU -> CONV(4)] -> FC(10)", "layer": "conv2", "filter": 3},
    {"text": SIGNAL, "filter": 3},
    {"text": SIGNAL, "layer": "conv2", "filter": 1, "channel": 2, "gradient": "ones"},
    {"text": SIGNAL, "settings": {"dilation": "5", "padding": "(2, 7)"}},
]


@pytest.mark.parametrize("asked", CASES)
def test_what_is_shown_of_a_convolution_agrees_in_both_directions(ask: Ask, asked: dict[str, Any]) -> None:
    answer = ask(**asked)
    X, Y, dY, W = (array(answer, name) for name in ("x", "y", "dy", "weight"))
    k = answer["filter"] - answer["part"]["filters"]
    c = answer["channel"] - answer["part"]["channels"]
    reach = array(answer, "reach")
    np.testing.assert_array_equal(reach[..., k], W[..., c])
    dW, dX = np.zeros_like(W), np.zeros(X.shape[:-1])
    for out, seen in windows(answer):
        np.testing.assert_allclose(Y[out], np.sum(X[seen] * W) + answer["part"]["bias"], atol=1e-4)
        dW += X[seen] * dY[(*out, k)]
        dX[seen] += reach @ dY[out]
    for axis, a in enumerate(answer["axes"]):  # what falls on padding is dropped
        real = np.arange(a["start"], a["end"])
        dX[(slice(None),) * axis + (~np.isin(real, range(a["before"], a["before"] + a["length"])),)] = 0
    np.testing.assert_allclose(array(answer, "d_weight"), dW, atol=1e-3 * max(1, np.abs(dW).max()))
    np.testing.assert_allclose(array(answer, "dx"), dX, atol=1e-4)
    np.testing.assert_allclose(answer["part"]["d_bias"], dY[..., k].sum(), atol=1e-3)
    assert Y.size == len(list(windows(answer)))
    assert np.abs(dW).max() > 0


def test_the_gradient_that_comes_back_is_that_of_the_samples_score(ask: Ask) -> None:
    """A weight moved a little moves the score as dW says."""
    answer = ask(layer="conv2", sample=5, filter=4, channel=3)
    label = answer["sample"]["label"]
    network = find_network(SMALL).build()
    x = prepared("digits", 5)[np.newaxis]

    def score(change: float) -> float:
        model = compile(network, engine="textbook", dtype="float64", batch=1, seed=3)
        state = {name: np.array(value) for name, value in model.state_dict().items()}
        state["conv2.weight"][1, 2, 0, 4] += change
        model.load_state_dict(state)
        return float(model.forward(x)[0, load_sample("digits").classes.index(label)])

    slope = (score(1e-4) - score(-1e-4)) / 2e-4
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(array(answer, "d_weight")[1, 2, 0], slope, rtol=1e-3)
    assert answer["gradient"]["text"] == f"dY is the gradient of the score of {label}, {score(0):.4g}"


@pytest.mark.parametrize(
    ("settings", "padding"),
    [({}, (0, 0)), ({"padding": "same"}, (0, 1)), ({"padding": "(1, 2)", "stride": "3", "kernel_size": "4"}, (1, 2))],
)
def test_the_winner_of_a_maximum_is_the_first_of_the_largest(
    ask: Ask, settings: dict[str, str], padding: tuple[int, int]
) -> None:
    # The digit's own pixels, of which most are the same black.
    answer = ask(text="INPUT(28x28x1) -> POOL(3, S=2) -> FC(10)", gradient="ones", settings=settings)
    X = np.pad(prepared("digits", 0)[..., 0], [padding] * 2, constant_values=-np.inf)
    dX, ties = np.zeros(X.shape), 0
    for out, seen in windows(answer):
        values = X[seen].ravel().tolist()
        place = array(answer, "winner")[out]
        assert place == values.index(max(values))
        np.testing.assert_allclose(array(answer, "y")[out], max(values), atol=1e-5)
        ties += values.count(max(values)) > 1
        rows, columns = (np.arange(X.shape[0])[each] for each in seen)
        dX[rows[int(place) // len(columns)], columns[int(place) % len(columns)]] += 1
    assert ties > 10
    np.testing.assert_allclose(array(answer, "dx"), dX)


@pytest.mark.parametrize("counted", ["no", "yes"])
def test_a_mean_divides_by_what_counts(ask: Ask, counted: str) -> None:
    settings = {"kind": "avg", "padding": "1", "count_pad": counted}
    answer = ask(text="INPUT(28x28x1) -> POOL(3, S=2) -> FC(10)", gradient="ones", settings=settings)
    X, real = (np.pad(each, 1) for each in (prepared("digits", 0)[..., 0], np.ones((28, 28))))
    dX = np.zeros(X.shape)
    for out, seen in windows(answer):
        count = 9 if counted == "yes" else real[seen].sum()
        assert array(answer, "count")[out] == count
        np.testing.assert_allclose(array(answer, "y")[out], X[seen].sum() / count, atol=1e-5)
        dX[seen] += 1 / count
    np.testing.assert_allclose(array(answer, "dx"), dX * np.pad(np.ones((28, 28)), 1), atol=1e-6)
    assert (array(answer, "count")[0, 0] == 4) == (counted == "no")


def test_a_large_map_is_shown_in_part_with_the_whole_layers_values(ask: Ask) -> None:
    text = "INPUT(60x44x3) -> CONV(2, 3) -> FC(10)"
    middle, corner = ask(text=text), ask(text=text, first=[0, 99])
    assert [(a["first"], a["stop"]) for a in middle["axes"]] == [(14, 46), (6, 38)]
    assert [(a["first"], a["stop"]) for a in corner["axes"]] == [(0, 32), (12, 44)]
    assert middle["notes"][0] == "samples resized from 28x28x1 to the network's 60x44x3"
    assert middle["notes"][2] == (
        "shown in part: rows 14 to 45 of 60 and columns 6 to 37 of 44 of the output, and what they see; "
        "dX, dW and db count these alone"
    )
    # Where both look, they see the same; the corner's padding is its first row and its last column.
    np.testing.assert_array_equal(array(corner, "y")[14:32, 0:26], array(middle, "y")[0:18, 6:32])
    np.testing.assert_array_equal(array(corner, "x")[14:32, 0:26], array(middle, "x")[0:18, 6:32])
    X = array(corner, "x")
    assert not X[0].any()
    assert not X[:, -1].any()
    assert X[1, 0].all()


def test_a_signal_is_shown_in_part_too(ask: Ask) -> None:
    answer = ask(text=SIGNAL, first=[0])
    X = np.pad(prepared("gunpoint", 0), [(3, 4), (0, 0)])
    np.testing.assert_allclose(array(answer, "x"), X[:63], atol=1e-5)
    assert answer["sample"]["curves"]
    assert "positions 0 to 27 of 75" in answer["notes"][1]


def test_a_run_shows_its_own_weights_and_samples(tmp_path: Path, write_stripes: Callable[..., Path]) -> None:
    data = write_stripes(40, 20, (60, 190), 20)
    config = TrainConfig(str(data), engine="cpu", epochs=1, augment="none")
    train(find_network("INPUT -> CONV(3) -> RELU -> FC"), config, tmp_path / "runs" / "stripes-1", lambda event: None)
    from safetensors.numpy import load_file

    state = load_file(tmp_path / "runs" / "stripes-1" / "best.safetensors")
    app = make_app(Session(runs_folder=tmp_path / "runs"), TOKEN, PORT)
    with TestClient(app, base_url=HOME, headers={"Origin": HOME}) as client:
        assert client.get(f"/?token={TOKEN}").status_code == 200
        network = client.post("/api/convolution/network", json={"run": "stripes-1"}).json()
        answer = client.post("/api/convolution/layer", json={"run": "stripes-1", "sample": 19, "filter": 2}).json()
    assert network["runs"] == ["stripes-1"]
    assert network["samples"] == 20
    assert network["layers"] == [{"name": "conv1", "type": "CONV", "input": "8x8x1", "output": "8x8x3"}]
    np.testing.assert_array_equal(array(answer, "weight"), state["conv1.weight"][..., 2].astype(float))
    assert answer["notes"] == []
    with np.load(data) as arrays:
        train_x, raw = arrays["x_train"] / 255, arrays["x_test"][19] / 255
    x = array(answer, "x")[1:-1, 1:-1, 0]
    assert np.corrcoef(x.ravel(), raw.ravel())[0, 1] > 0.999999
    assert abs(x.std() * train_x.std() - raw.std()) < 0.02 * raw.std()  # standardised by those that it was trained on


def test_the_line_of_a_changed_layer_says_it(ask: Ask) -> None:
    answer = ask(settings={"stride": "1", "padding": "2", "filters": "8", "depth": "2"})
    assert answer["line"] == "INPUT(28x28x2) -> CONV(8, 5, P=2)"
    built = find_network(answer["line"]).build()
    assert list(built.output_shape) == answer["output"] == [28, 28, 8]
    assert [field["text"] for field in answer["fields"]] == ["8", "5", "1", "2", "1", "2"]
    assert answer["own"]["padding"] == "same"
    assert answer["notes"] == ["weights: drawn anew for the new shape, seed 3"]
    assert "a changed layer has no layers behind it" in answer["gradient"]["text"]
    X = array(answer, "x")
    np.testing.assert_array_equal(X[..., 0], X[..., 1])  # channels repeat where there are too few


def test_a_size_that_does_not_divide_says_what_is_left_out(ask: Ask) -> None:
    answer = ask(settings={"padding": "valid", "stride": "5"})
    assert answer["rule"] == [
        "(W - F + 2P)/S + 1 = (28 - 5 + 2*0)/5 + 1 = 5.6, rounded down to 5: pixels 25 to 27 are never seen"
    ]
    assert answer["axes"][0]["end"] == 28  # they are shown all the same
    dilated = ask(settings={"dilation": "2"})
    assert dilated["rule"][0].endswith("= 14, where F = 9 spans (5 - 1)*2 + 1")


def test_layers_that_slide_are_listed(client: TestClient) -> None:
    answer = client.post("/api/convolution/network", json={"text": SMALL}).json()
    assert [(each["name"], each["type"]) for each in answer["layers"]] == [
        ("conv1", "CONV"),
        ("conv2", "CONV"),
        ("pool1", "POOL"),
    ]
    assert answer["data"] == "sample:digits"
    assert client.post("/api/convolution/network", json={"text": SIGNAL}).json()["data"] == "sample:gunpoint"
    family = {"text": "INPUT(28x28x1) -> [CONV -> RELU]*N -> FC(10)", "bindings": {"N": "3"}}
    assert len(client.post("/api/convolution/network", json=family).json()["layers"]) == 3


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"settings": {"kernel_size": "31", "padding": "valid"}},
            "a window of 31 does not fit into 28 padded positions; got (28 - 31 + 2*0)/2 + 1 = -0.5; expected an "
            "output of at least 1 (hint: a smaller F, more padding, P=same, or fewer POOL before it)",
        ),
        (
            {"settings": {"stride": "0"}},
            "S, stride cannot be this; got '0'; expected a size such as 3 or 3x3, up to 1,000,000",
        ),
        (
            {"settings": {"padding": "saem"}},
            "P, padding cannot be this; got 'saem'; expected same, valid, a number, sizes such as 1x3, or "
            "(before, after), up to 1,000,000",
        ),
        ({"settings": {"depth": "?"}}, "Input depth cannot be this; got '?'; expected a whole number of at least 1, "),
        (
            {"settings": {"groups": "2"}},
            "no such setting of this layer; got groups; expected filters, kernel_size, stride, padding, dilation, "
            "depth",
        ),
        (
            {"settings": {"filters": "900000"}},
            "a layer too large for the page; got 23,400,000 parameters; expected at most 5,000,000",
        ),
        ({"layer": "conv2", "settings": {"filters": "5"}}, "groups do not divide the number of filters; got groups=2"),
        (
            {"settings": {"kernel_size": "1000"}},
            "a window too large for the page; got 1,000,000 values in it; expected ",
        ),
        (
            {"layer": "relu1"},
            "relu1: this layer has no window that slides over one or two axes; got RELU; "
            "expected one of conv1, conv2, pool1",
        ),
        ({"layer": "conv9"}, "layer: no such layer; got conv9 (hint: did you mean conv"),
        ({"sample": 1000}, "sample: no such sample; got 1000; expected 0 to 999"),
        ({"gradient": "loss"}, "no such gradient; got loss; expected score, ones, cell"),
        (
            {"data": "sample:gunpoint"},
            "sample:gunpoint: the network takes pictures; got signals of 150x1; expected 28x28x1",
        ),
        ({"data": "/etc"}, "no such data here; got '/etc'; expected one of sample:digits, sample:gunpoint"),
        ({"run": "nothing"}, "no such run here; got 'nothing'; expected a run, and there is none yet"),
        ({"text": "INPUT(150x2) -> CONV -> FC(2)"}, "a sample of another shape; got 150x1; expected 150x2 (hint: "),
        ({"text": "INPUT(8) -> FC(2)"}, "data: the network takes samples of another kind; got signals of 150x1"),
        (
            {"text": "INPUT(8x8x1) -> FC(2)"},
            "input: this layer has no window that slides over one or two axes; got INPUT; "
            "expected a network with CONV or POOL",
        ),
        ({"text": "INPUT(8x8x1) -> CONV("}, "line 1:22: "),
        (
            {"text": "INPUT(2000x2000x1) -> CONV(64) -> CONV(64) -> GAP -> FC(2)", "layer": "conv3"},
            "layer: no such layer",
        ),
        (
            {"text": "INPUT(2000x2000x1) -> [CONV(64)]*3 -> GAP -> FC(2)", "layer": "conv3"},
            f"conv3: too much work before this layer for a page; got 150G MACs; expected at most "
            f"{MOST_MACS / 1e9:.3g}G",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(refused: Callable[..., str], asked: dict[str, Any], said: str) -> None:
    assert refused(**asked).startswith(said)


def test_a_network_without_a_score_shows_its_layers_all_the_same(ask: Ask) -> None:
    answer = ask(text="INPUT(28x28x1) -> CONV(2)")
    assert answer["gradient"]["kind"] == "ones"
    assert "this network has no score to follow" in answer["gradient"]["text"]
