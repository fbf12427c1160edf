"""How a run is trained: plain settings, their defaults from the data, and their TOML form."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from typing import get_type_hints

import tomli_w

from tatami.errors import OptionError, RunError
from tatami.network import Fit
from tatami.recipe import Loss, Optimizer, Schedule, make_loss, make_optimizer, make_schedule

# Enough steps for a small network to settle, whatever the size of the data; measured on the built-in samples.
TARGET_STEPS = 400
MIN_EPOCHS, MAX_EPOCHS = 5, 100


@dataclass(frozen=True)
class TrainConfig:
    """The settings of a run. None stands for a default: see :func:`resolve`.

    Attributes:
        data: the source of the data, as given to ``tatami train``.
        engine: which engine computes.
        epochs: passes over the training data.
        batch: samples in one step, at most.
        optimizer: sgd, momentum, nesterov, rmsprop, adam or adamw.
        lr: its (highest) learning rate.
        weight_decay: its weight decay.
        schedule: constant, step, cosine or onecycle.
        loss: cross-entropy, mse or hinge.
        init: he or xavier.
        validation: share of the training data held out to choose the best epoch.
        seed: of initial weights, shuffling, dropout and the validation split.
        fit: what to do where a size does not fit: crop, or error.
    """

    data: str
    engine: str = "cpu"
    epochs: int | None = None
    batch: int | None = None
    optimizer: str = "adam"
    lr: float | None = None
    weight_decay: float | None = None
    schedule: str = "onecycle"
    loss: str = "cross-entropy"
    init: str = "he"
    validation: float = 0.1
    seed: int = 0
    fit: Fit = "crop"


@dataclass(frozen=True, kw_only=True)
class ResolvedConfig(TrainConfig):
    """Settings without open questions: what a run is trained by, and what it keeps."""

    epochs: int
    batch: int
    lr: float
    weight_decay: float

    def make_optimizer(self) -> Optimizer:
        """The optimizer that the settings name."""
        return make_optimizer(self.optimizer, self.lr, weight_decay=self.weight_decay)

    def make_loss(self) -> Loss:
        """The loss that the settings name."""
        return make_loss(self.loss)

    def make_schedule(self) -> Schedule:
        """The schedule that the settings name."""
        return make_schedule(self.schedule)

    def to_toml(self) -> str:
        """The text of ``config.toml``."""
        return tomli_w.dumps(asdict(self))

    @classmethod
    def from_toml(cls, text: str, where: str) -> ResolvedConfig:
        """Read ``config.toml``.

        Raises:
            RunError: not TOML, or not these settings.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise RunError("not readable as TOML", where=where, got=error) from error
        kinds = {name: str if name == "fit" else kind for name, kind in get_type_hints(cls).items()}
        for name, value in values.items():
            if name not in kinds:
                raise RunError(f"unknown setting {name}", where=where, expected=", ".join(kinds))
            if isinstance(value, int) and not isinstance(value, bool) and isinstance(0.0, kinds[name]):
                values[name] = float(value)
            elif not isinstance(value, kinds[name]) or isinstance(value, bool):
                raise RunError(f"{name} has the wrong type", where=where, got=value, expected=kinds[name].__name__)
        missing = [name for name in kinds if name not in values]
        if missing:
            raise RunError("a setting is missing", where=where, expected=missing[0])
        return cls(**values)


def resolve(config: TrainConfig, samples: int) -> ResolvedConfig:
    """Check the settings and fill in defaults that fit ``samples`` training samples.

    Batches hold 64 samples, fewer where that would make less than 8 steps an epoch; epochs give about ``TARGET_STEPS``
    steps, within ``MIN_EPOCHS`` and ``MAX_EPOCHS``.

    Raises:
        OptionError: a setting that makes no sense.
    """
    for name in ("epochs", "batch"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise OptionError(f"impossible {name}", got=value, expected="at least 1")
    if not 0 <= config.validation < 1:
        raise OptionError("impossible validation share", got=config.validation, expected="at least 0 and under 1")
    batch = config.batch or min(64, max(8, 1 << max(samples // 8, 1).bit_length() - 1))
    epochs = config.epochs or min(MAX_EPOCHS, max(MIN_EPOCHS, -(-TARGET_STEPS // -(-samples // batch))))
    lr = _DEFAULT_LR.get(config.optimizer.casefold()) if config.lr is None else config.lr
    decay = {} if config.weight_decay is None else {"weight_decay": config.weight_decay}
    optimizer = make_optimizer(config.optimizer, lr, **decay)
    filled = {"epochs": epochs, "batch": batch, "lr": optimizer.lr, "weight_decay": optimizer.weight_decay}
    resolved = ResolvedConfig(**{**vars(config), **filled})
    resolved.make_loss(), resolved.make_schedule()  # unknown names are refused here
    return resolved


# Learning rates for training from scratch with a schedule that ends near 0; higher than the optimizers' own defaults.
_DEFAULT_LR = {"adam": 0.002, "adamw": 0.002, "rmsprop": 0.001, "sgd": 0.05, "momentum": 0.01, "nesterov": 0.01}
