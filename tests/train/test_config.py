import pytest

from tatami.errors import OptionError, RunError
from tatami.train.config import TrainConfig, resolve


def test_toml_keeps_everything() -> None:
    config = TrainConfig("sample:digits", epochs=3, lr=0.5, optimizer="momentum", weight_decay=1e-4, seed=7)
    assert TrainConfig.from_toml(config.to_toml(), "config.toml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = ", "config.toml: not readable as TOML"),
        ('data = "x"\nepoks = 3', "config.toml: unknown setting epoks"),
        ('data = "x"\nepochs = "3"', "config.toml: epochs has the wrong type; got 3; expected int"),
        ("epochs = 3", "config.toml: a setting is missing; expected data"),
    ],
)
def test_bad_toml(text: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        TrainConfig.from_toml(text, "config.toml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("samples", "batch", "epochs"), [(4500, 64, 6), (44, 8, 67), (60_000, 64, 5), (3, 8, 100)])
def test_defaults_follow_the_data(samples: int, batch: int, epochs: int) -> None:
    resolved = resolve(TrainConfig("x"), samples)
    assert (resolved.batch, resolved.epochs) == (batch, epochs)
    assert resolved.lr > 0


def test_settings_given_are_kept() -> None:
    config = TrainConfig("x", epochs=2, batch=10, lr=0.3)
    assert resolve(config, 1000) == config


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": -1}, "impossible epochs; got -1"),
        ({"batch": -8}, "impossible batch; got -8"),
        ({"lr": -0.1}, "impossible lr; got -0.1"),
        ({"validation": 1.0}, "impossible validation share; got 1.0"),
        ({"optimizer": "adm"}, "adm"),
        ({"schedule": "one-cycel"}, "one-cycel"),
        ({"loss": "crossentropy"}, "crossentropy"),
    ],
)
def test_bad_settings(setting: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        resolve(TrainConfig("x", **setting), 100)
