"""``tatami train --checkpoint``: the run is the same, bit for bit, and goes on so."""

from pathlib import Path

import numpy as np
import pytest

from tatami.formats import load_weights
from tatami.network import find_network
from tatami.plan.cost import layer_costs
from tatami.plan.memory import StepSettings, memory
from tatami.recipe import make_optimizer
from tatami.train import TrainConfig, defaults, train
from tatami.train.config_file import read_resolved, read_settings
from tatami.train.defaults import resolve

NET = "INPUT(8x8x1) -> [CONV(8, bias=no) -> BN -> RELU]*6 -> DROPOUT(0.2) -> GAP -> FC"


@pytest.fixture
def source(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    path = tmp_path / "data.npz"
    x = rng.integers(0, 256, (60, 8, 8, 1), np.uint8)
    np.savez(path, x_train=x, y_train=rng.integers(3, size=60))
    return str(path)


def config(source: str, checkpoint: bool) -> TrainConfig:
    return TrainConfig(source, NET, epochs=2, batch=8, lr=0.01, validation=0.2, checkpoint=checkpoint)


def test_a_run_with_checkpointing_ends_in_the_same_weights(source, tmp_path):
    for each in (True, False):
        train(find_network(NET), config(source, each), tmp_path / str(each), lambda event: None)
    found, usual = (load_weights(tmp_path / str(each) / "best.safetensors")[0] for each in (True, False))
    assert found.keys() == usual.keys()
    assert all(np.array_equal(found[name], usual[name]) for name in usual)


def test_the_command_keeps_the_setting_and_resumes_with_it(tatami, source, tmp_path):
    run = tmp_path / "run"
    options = ("--epochs", "1", "--batch", "8", "--lr", "0.01", "--run", str(run), "--format", "json")
    assert tatami("train", NET, source, "--checkpoint", *options).code == 0
    text = (run / "config.toml").read_text()
    assert read_resolved(text, "config.toml").checkpoint
    assert read_settings(run / "config.toml")["checkpoint"] is True
    assert tatami("resume", str(run), "--epochs", "2").code == 0
    assert read_resolved((run / "config.toml").read_text(), "config.toml").checkpoint


def test_with_it_a_larger_batch_fits_the_memory(monkeypatch):
    network = find_network("INPUT(32x32x3) -> [CONV(64) -> BN -> RELU]*12 -> FC(10)").build()
    limit = 60_000_000
    monkeypatch.setattr(defaults, "free_memory", lambda: 2 * limit)
    usual, more = (resolve(TrainConfig("x", checkpoint=each), 10_000, network).batch for each in (False, True))
    assert usual < more <= 64
    settings = StepSettings(more, make_optimizer("adamw"), checkpoint=True)
    assert memory(network, layer_costs(network), settings).peak_bytes <= limit
