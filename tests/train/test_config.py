from pathlib import Path

import numpy as np
import pytest

from tatami.data import DataOptions, Dataset, Split
from tatami.errors import OptionError, RunError
from tatami.network import find_network
from tatami.plan import make_plan
from tatami.recipe import make_optimizer
from tatami.train import defaults
from tatami.train.config import TrainConfig
from tatami.train.config_file import read_resolved, read_settings, to_toml
from tatami.train.defaults import held_out_share, resolve


def test_toml_keeps_everything() -> None:
    config = resolve(TrainConfig("sample:digits", epochs=3, lr=0.5, optimizer="momentum", seed=7), 100)
    assert read_resolved(to_toml(config), "config.toml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = ", "config.toml: not readable as TOML"),
        ('data = "x"\nepoks = 3', "config.toml: unknown setting epoks"),
        ('data = "x"\nepochs = "3"', "config.toml: epochs has a wrong value; got expected int, got str"),
        ('data = "x"\nlr = true', "config.toml: lr has a wrong value; got expected float, got bool"),
        ("epochs = 3", "config.toml: a setting is missing; expected data"),
    ],
)
def test_bad_toml(text: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        read_resolved(text, "config.toml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("samples", "batch", "epochs"), [(4500, 64, 15), (44, 8, 167), (60_000, 64, 6), (3, 8, 200)])
def test_defaults_follow_the_data(samples: int, batch: int, epochs: int) -> None:
    resolved = resolve(TrainConfig("x"), samples)
    assert (resolved.batch, resolved.epochs) == (batch, epochs)
    assert resolved.lr > 0


def test_optimizers_keep_their_own_defaults() -> None:
    assert resolve(TrainConfig("x", optimizer="adamw"), 100).weight_decay == 0.01
    assert resolve(TrainConfig("x", optimizer="adam"), 100).weight_decay == 0.0


def test_settings_given_are_kept() -> None:
    given = {"epochs": 2, "batch": 10, "lr": 0.3, "weight_decay": 0.25, "validation": 0.3, "loss": "hinge"}
    config = TrainConfig("x", "memo", "textbook", **given)  # type: ignore[arg-type]
    resolved = vars(resolve(config, 1000))
    assert {name: resolved[name] for name in vars(config)} == vars(config)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": 0}, "impossible epochs; got 0; expected at least 1"),
        ({"batch": -8}, "impossible batch; got -8"),
        ({"lr": -0.1}, "-0.1"),
        ({"validation": 1.0}, "impossible validation share; got 1.0"),
        ({"optimizer": "adm"}, "adm"),
        ({"schedule": "one-cycel"}, "one-cycel"),
        ({"loss": "crossentropy"}, "crossentropy"),
    ],
)
def test_bad_settings(setting: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        resolve(TrainConfig("x", **setting), 100)


def test_a_file_of_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 3\nlr = "auto"\nthreads = 7\n[reading]\nsize = [8, 9]\n')
    given = read_settings(path)
    assert given == {"epochs": 3, "lr": "auto", "reading": DataOptions(size=(8, 9))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch = 3", "unknown setting epoch; expected data, net"),
        ("[reading]\nsise = [8, 9]", "[reading]: unknown setting sise; expected size"),
        ('lr = "fast"', "lr has a wrong value"),
        ("epochs = 1.5", "epochs has a wrong value; got expected int | null, got float"),
        ('class_weight = "heavy"', "class_weight has a wrong value; got invalid enum value 'heavy'"),
    ],
)
def test_a_bad_file_of_settings(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(OptionError) as caught:
        read_settings(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_missing_file_of_settings(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot read these settings; got No such file or directory"):
        read_settings(tmp_path / "none.toml")


def data(train: int, *, test: bool = True, validation: bool = False) -> Dataset:
    def split(n: int) -> Split:
        return Split(np.zeros((n, 4, 1), np.float32), np.arange(n) % 2)

    return Dataset(
        "d", "signal", split(train), split(2) if test else None, ("a", "b"), validation=split(2) if validation else None
    )


@pytest.mark.parametrize(
    ("dataset", "given", "share"),
    [
        (data(1000), None, 0.1),
        (data(100), None, 0.0),
        (data(1000, test=False), None, 0.2),
        (data(100, test=False), None, 0.2),
        (data(1000, validation=True), None, 0.0),
        (data(100), 0.3, 0.3),
    ],
)
def test_how_much_is_held_out(dataset: Dataset, given: float | None, share: float) -> None:
    assert held_out_share(TrainConfig("x", validation=given), dataset) == share


def test_the_batch_fits_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    network = find_network("INPUT(32x32x3) -> [CONV(64) -> BN -> RELU]*4 -> FC(10)").build()
    assert resolve(TrainConfig("x"), 10_000, network).batch == 64
    monkeypatch.setattr(defaults, "free_memory", lambda: 2 * 50_000_000)
    small = resolve(TrainConfig("x"), 10_000, network).batch
    assert 1 <= small < 64
    assert make_plan(network, small, make_optimizer("adamw")).memory.peak_bytes <= 50_000_000
    assert make_plan(network, small + 1, make_optimizer("adamw")).memory.peak_bytes > 50_000_000
