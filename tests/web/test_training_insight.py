"""What a training tells of the network's inside, against NumPy's own figures; and that it takes little time."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tatami.data import Split
from tatami.network import find_network
from tatami.train import TrainConfig
from tatami.train.events import Event, Examples, Insight, to_line
from tatami.train.loop import Trainer
from tatami.train.material import Material, new_material
from tatami.web import training_insight
from tatami.web.training_insight import Insights, histogram, one_of_each, reduced, telling_layers

NET = "INPUT -> CONV(4) -> BN -> RELU -> DROPOUT(0.5) -> POOL -> FC"


@pytest.fixture
def material(write_stripes: Callable[..., Path]) -> Material:
    data = write_stripes(48, 20, tones=(200, 40), noise=40, classes=["across", "down"])
    return made(str(data), NET, validation=0.25)


def made(data: str, net: str, **given: Any) -> Material:
    config = TrainConfig(data, epochs=2, batch=8, engine="textbook", augment="none", **given)
    return new_material(find_network(net), config)[0]


def look(material: Material) -> tuple[Trainer, Examples, Insight]:
    trainer = material.make_trainer(material.make_model())
    examples, insight = Insights()(material, trainer, True)
    assert isinstance(examples, Examples)
    assert isinstance(insight, Insight)
    return trainer, examples, insight


def array_of(packed: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), packed["dtype"]).reshape(packed["shape"])


def test_histograms_are_numpys() -> None:
    values = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)
    values[0] = 0
    found = histogram(values)
    assert found is not None
    counts, edges = np.histogram(values, training_insight.BINS)
    assert np.abs(np.cumsum(found["counts"]) - np.cumsum(counts)).max() <= 1  # at an edge, float32 may round either way
    assert sum(found["counts"]) == values.size
    assert (found["low"], found["high"]) == (edges[0], edges[-1])
    assert (found["mean"], found["std"]) == pytest.approx((values.mean(), values.std()), rel=1e-5)
    assert found["zero"] == pytest.approx(15 / values.size, abs=1e-6)


def test_histograms_of_odd_values() -> None:
    assert histogram(np.array([np.nan, np.inf])) is None
    some = histogram(np.array([np.nan, 1.0, -np.inf, 3.0]))
    assert some is not None
    assert (some["low"], some["high"], sum(some["counts"])) == (1, 3, 2)
    same = histogram(np.full(9, 2.5))
    assert same is not None
    assert (same["counts"], same["std"]) == ([9], 0)


def test_of_many_values_all_channels_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_insight, "MOST_COUNTED", 100)
    for channels in (2, 3, 8):
        found = histogram(np.tile(np.arange(channels), 1000))
        assert found is not None
        counts = np.array(found["counts"])
        assert 50 <= counts.sum() <= 200
        assert np.ptp(counts[counts > 0]) <= 1
        assert np.count_nonzero(counts) == channels


def test_an_insight_is_what_the_model_says(material: Material) -> None:
    trainer, examples, insight = look(material)
    model = trainer.model
    assert [layer["name"] for layer in insight.layers] == ["conv1", "bn1", "relu1", "pool1", "fc1"]
    raw = material.training.x[:16]
    x = trainer.preprocess(raw)
    slopes = model.gradients(x, material.training.y[:16])[1]  # type: ignore[index]
    by_name = {layer["name"]: layer for layer in insight.layers}
    for name in ("conv1", "fc1"):
        gradients = by_name[name]["gradients"]
        assert (gradients["low"], gradients["high"]) == (slopes[f"{name}.weight"].min(), slopes[f"{name}.weight"].max())
    assert by_name["relu1"]["gradients"] is None
    assert by_name["fc1"]["activations"]["mean"] == pytest.approx(model.forward(x).mean(), rel=1e-4)
    assert by_name["relu1"]["activations"]["low"] == 0

    filters = insight.filters
    assert filters is not None
    weight = model.state_dict()["conv1.weight"]
    steps = (filters["high"] - filters["low"]) / 255
    shown = filters["low"] + array_of(filters) * steps
    assert np.abs(shown - np.moveaxis(weight, -1, 0)).max() <= steps / 2 + 1e-7
    assert (filters["layer"], filters["of"]) == ("conv1", 4)

    scores = model.forward(trainer.preprocess(array_of(examples.samples)))
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert np.allclose(insight.outputs, shares, atol=1e-5)
    everything = trainer.preprocess(material.training.x)
    right = model.forward(everything).argmax(axis=1) == material.training.y
    assert insight.accuracy == pytest.approx(right.mean())


def test_the_first_layer_may_be_an_fc_or_none(material: Material) -> None:
    filters = look(made(material.config.data, "INPUT -> FC"))[2].filters
    assert filters is not None
    assert filters["shape"] == [2, 8, 8, 1]
    assert look(made(material.config.data, "INPUT -> GAP -> FC"))[2].filters is None


def test_a_regression_tells_targets_in_their_units(tmp_path: Path) -> None:
    y = np.linspace(-300, 300, 40).astype(np.float32)
    x = (y[:, None] / 100 * np.linspace(-1, 1, 16))[..., None].astype(np.float32)
    np.savez(tmp_path / "slopes.npz", x_train=x, y_train=y)
    material = made(str(tmp_path / "slopes.npz"), "INPUT -> CONV(2, 3) -> FC", validation=0.5)
    trainer, examples, insight = look(material)
    assert insight.accuracy is None
    assert examples.samples["dtype"] == "float32"
    labels = np.array(examples.labels)
    assert (np.diff(labels[:, 0]) > 0).all() or len(set(labels[:, 0])) == 10
    standard = material.identity.standard
    assert standard is not None
    scores = trainer.model.forward(trainer.preprocess(array_of(examples.samples)))
    assert np.allclose(insight.outputs, scores * standard.std + standard.mean, rtol=1e-4, atol=1e-3)
    assert insight.filters is not None
    assert insight.filters["shape"] == [2, 3, 1]


def test_a_network_that_is_no_number_any_more_can_be_told(material: Material) -> None:
    trainer = material.make_trainer(material.make_model())
    state = trainer.model.state_dict()
    state["fc1.weight"][:] = np.nan
    trainer.model.load_state_dict(state)
    events = Insights()(material, trainer, True)
    assert [event.kind for event in events] == ["examples", "insight"]
    insight = events[1]
    assert isinstance(insight, Insight)
    assert insight.outputs[0] == [None, None]
    assert insight.layers[-1]["activations"] is None
    assert all(to_line(event) for event in events)


def test_examples_are_of_every_class() -> None:
    y = np.array([2, 2, 2, 2, 0, 2, 1, 2, 0])
    rows = one_of_each(Split(np.zeros((9, 4, 1)), y), 5)
    assert y[rows].tolist() == [0, 0, 1, 2, 2]
    assert rows.tolist() == [4, 8, 6, 0, 1]
    targets = np.array([[5.0], [1.0], [3.0], [2.0], [4.0]])
    assert one_of_each(Split(np.zeros((5, 4, 1)), targets), 3).tolist() == [0, 1, 2]


def test_large_examples_are_made_small() -> None:
    raw = np.arange(2 * 200 * 130 * 3).reshape(2, 200, 130, 3)
    assert reduced(raw).shape == (2, 50, 44, 3)
    assert (reduced(raw) == raw[:, ::4, ::3]).all()
    assert reduced(np.zeros((1, 1025, 2))).shape == (1, 342, 2)
    small = np.zeros((1, 28, 28, 1))
    assert reduced(small).shape == small.shape


def test_of_many_layers_some_are_told() -> None:
    network = find_network("INPUT(8x8x1) -> [CONV(2) -> RELU]*40 -> FC(2)").build()
    names = telling_layers(network)
    assert len(names) == training_insight.MOST_LAYERS
    assert (names[0], names[-1]) == ("conv1", "fc1")


class Clock:
    """Time that goes on only while the watch works, by ``cost`` a look, and where the test says so."""

    def __init__(self) -> None:
        self.now, self.cost, self.asked = 100.0, 0.0, 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now


def test_looks_take_a_small_share_of_the_time(material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, cost, looked = Clock(), 0.5, []

    def slow(seen: object, material: Material, trainer: Trainer) -> Event:
        clock.now += cost
        looked.append(clock.now)
        return Insight(0, trainer.progress.step, [], None, [])

    monkeypatch.setattr(training_insight, "_insight", slow)
    monkeypatch.setattr(time, "perf_counter", clock)
    watch, trainer = Insights(every=1.0, share=0.05), material.make_trainer(material.make_model())
    for step in range(1, 3001):
        clock.now += 0.1
        trainer.progress = replace(trainer.progress, step=step)
        watch(material, trainer, False)
    assert len(looked) == pytest.approx(300 / (0.5 / 0.05), rel=0.1)
    assert watch.spent / 300 <= 0.055
    before = len(looked)
    watch(material, trainer, True)
    watch(material, trainer, True)  # nothing has changed since
    assert len(looked) <= before + 1


def test_a_cheap_look_comes_every_second_and_later_less_often(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looked = Clock(), []

    def cheap(seen: object, material: Material, trainer: Trainer) -> Event:
        looked.append(clock.now)
        return Insight(0, trainer.progress.step, [], None, [])

    monkeypatch.setattr(training_insight, "_insight", cheap)
    monkeypatch.setattr(time, "perf_counter", clock)
    watch, trainer = Insights(), material.make_trainer(material.make_model())
    for step in range(1, 36_001):
        clock.now += 0.1
        trainer.progress = replace(trainer.progress, step=step, seconds=step / 10)
        watch(material, trainer, False)
    gaps = np.diff(looked)
    assert gaps[:20] == pytest.approx(1.0, abs=0.11)
    assert gaps[-1] == pytest.approx(0.02 * 3600, rel=0.05)
    assert len(looked) < 300
