import pytest

from tatami.errors import OptionError, RunError
from tatami.train.config import ResolvedConfig, TrainConfig, resolve


def test_toml_keeps_everything() -> None:
    config = resolve(TrainConfig("sample:digits", epochs=3, lr=0.5, optimizer="momentum", seed=7), 100)
    assert ResolvedConfig.from_toml(config.to_toml(), "config.toml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = ", "config.toml: not readable as TOML"),
        ('data = "x"\nepoks = 3', "config.toml: unknown setting epoks"),
        ('data = "x"\nepochs = "3"', "config.toml: epochs has the wrong type; got 3; expected int"),
        ('data = "x"\nlr = true', "config.toml: lr has the wrong type; got True; expected float"),
        ("epochs = 3", "config.toml: a setting is missing; expected data"),
    ],
)
def test_bad_toml(text: str, message: str) -> None:
    with pytest.raises(RunError) as caught:
        ResolvedConfig.from_toml(text, "config.toml")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("samples", "batch", "epochs"), [(4500, 64, 6), (44, 8, 67), (60_000, 64, 5), (3, 8, 100)])
def test_defaults_follow_the_data(samples: int, batch: int, epochs: int) -> None:
    resolved = resolve(TrainConfig("x"), samples)
    assert (resolved.batch, resolved.epochs) == (batch, epochs)
    assert resolved.lr > 0


def test_optimizers_keep_their_own_defaults() -> None:
    assert resolve(TrainConfig("x", optimizer="adamw"), 100).weight_decay == 0.01
    assert resolve(TrainConfig("x", optimizer="adam"), 100).weight_decay == 0.0


def test_settings_given_are_kept() -> None:
    config = TrainConfig("x", epochs=2, batch=10, lr=0.3, weight_decay=0.25)
    assert vars(resolve(config, 1000)) == vars(config)


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
