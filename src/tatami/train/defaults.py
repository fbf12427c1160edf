"""The recipe that is found from data and network where the user names none; ``config.toml`` shows what was found."""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import replace

from tatami.data import Dataset
from tatami.engines.ranks import usual_engine
from tatami.errors import OptionError
from tatami.network import Network
from tatami.plan.cost import layer_costs
from tatami.plan.machine import thread_count
from tatami.plan.memory import StepSettings, memory
from tatami.recipe import Hinge, MeanSquaredError, make_optimizer
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.loop import steps_per_epoch

# Enough steps for a small network to settle, whatever the size of the data.
TARGET_STEPS = 1000
MIN_EPOCHS, MAX_EPOCHS = 6, 200
LARGEST_BATCH = 64
SMALLEST_BATCH = 8

FEW = 500
"""Of fewer training samples none is held out where a test split tells how good the network is."""

HELD_OUT, HELD_OUT_FOR_ALL = 0.1, 0.2  # with a test split; and without, when it is all that there is to judge by

MEMORY_SHARE = 0.5
"""Of the memory that is free, this much may be taken by a training step."""

# Learning rates for training from scratch with a schedule that ends near 0; higher than the optimizers' own defaults.
LEARNING_RATES = {"adam": 0.002, "adamw": 0.002, "rmsprop": 0.001, "sgd": 0.05, "momentum": 0.01, "nesterov": 0.01}


def held_out_share(config: TrainConfig, dataset: Dataset) -> float:
    """The share of the training samples to hold out: 0 where the data bring a validation split of their own.

    Raises:
        OptionError: a share that is none.
    """
    if config.validation is not None:
        if not 0 <= config.validation < 1:
            raise OptionError("impossible validation share", got=config.validation, expected="at least 0 and under 1")
        return config.validation
    if dataset.validation is not None:
        return 0.0
    if dataset.test is None or not config.test:
        return HELD_OUT_FOR_ALL
    return HELD_OUT if len(dataset.train) >= FEW else 0.0


def resolve(
    config: TrainConfig,
    samples: int,
    network: Network | None = None,
    *,
    is_regression: bool = False,
    ranks: int = 1,
) -> ResolvedConfig:
    """Check the settings and fill in defaults that fit ``samples`` training samples.

    Batches hold 64 samples, fewer where that would make less than 8 steps an epoch, or where the step of ``network``
    on the CPU engine would take more than half of the memory that is free, and as many whatever the number of
    ``ranks``; epochs give about ``TARGET_STEPS`` steps, within ``MIN_EPOCHS`` and ``MAX_EPOCHS``. A learning rate of
    ``auto`` stays the default's until it has been looked for.

    Raises:
        OptionError: a setting that makes no sense, or two that do not go together.
    """
    for name in ("epochs", "batch", "accumulate", "patience"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise OptionError(f"impossible {name}", got=value, expected="at least 1")
    if config.validation is not None and not 0 <= config.validation < 1:
        raise OptionError("impossible validation share", got=config.validation, expected="at least 0 and under 1")
    for name in ("smoothing", "ema"):
        value = getattr(config, name)
        if value is not None and not 0 <= value < 1:
            raise OptionError(f"impossible {name}", got=value, expected="at least 0 and under 1")
    if not config.save_every > 0:
        raise OptionError("impossible save_every", got=config.save_every, expected="a number of seconds above 0")
    if config.keep_epochs < 0:
        raise OptionError("impossible keep_epochs", got=config.keep_epochs, expected="at least 0")
    loss = config.loss or ("mse" if is_regression else "cross-entropy")
    config = replace(config, engine=engine_for(config.engine, ranks, config.device, config.dtype))
    batch = config.batch or _batch(samples, network, config)
    epochs = config.epochs or min(MAX_EPOCHS, max(MIN_EPOCHS, -(-TARGET_STEPS // -(-samples // batch))))
    given = None if config.lr == "auto" else config.lr
    lr = LEARNING_RATES.get(config.optimizer.casefold()) if given is None else given
    decay = {} if config.weight_decay is None else {"weight_decay": config.weight_decay}
    optimizer = make_optimizer(config.optimizer, lr, clip_norm=config.clip_norm, **decay)
    filled = {
        **{"epochs": epochs, "batch": batch, "loss": loss, "validation": config.validation or 0.0},
        **{"lr": optimizer.lr, "weight_decay": optimizer.weight_decay, "threads": thread_count()},
        "ranks": ranks,
    }
    resolved = ResolvedConfig(**{**vars(config), **filled})
    resolved.make_schedule()  # unknown names are refused here
    _check_together(resolved, is_regression)
    return resolved


def engine_for(engine: str | None, ranks: int, device: str | None = None, dtype: str | None = None) -> str:
    """The engine that is meant, which several ranks have no choice of.

    Raises:
        OptionError: one that cannot train in several ranks.
    """
    if ranks > 1 and engine not in (None, "torch"):
        raise OptionError(
            f"engine {engine} trains in one process", got=f"{ranks} ranks", expected="engine torch, or no torchrun"
        )
    return engine or usual_engine(device, dtype, ranks)


def check_steps(config: ResolvedConfig, samples: int) -> None:
    """Refuse steps of which a rank would have no sample, and, where ranks share statistics of passes, such passes.

    Raises:
        OptionError: there are some.
    """
    smallest = samples // steps_per_epoch(samples, config.step_samples)
    if config.sync_bn:
        smallest //= config.accumulate
    if smallest < config.ranks:
        raise OptionError(
            f"{config.ranks} ranks cannot share a step of {smallest} sample{'s' * (smallest != 1)}",
            got=f"{samples:,} training samples in steps of at most {config.step_samples}",
            expected="a sample for each rank",
            hint="a larger --batch" if smallest < samples else "fewer ranks",
        )


def _check_together(config: ResolvedConfig, is_regression: bool) -> None:
    """Refuse settings that would have no effect or no meaning."""
    loss = config.make_loss()
    if is_regression and not isinstance(loss, MeanSquaredError):
        raise OptionError("a loss for classes, but the data hold targets", got=config.loss, expected="mse")
    if isinstance(loss, (Hinge, MeanSquaredError)) and config.needs_rows(False):
        name = "smoothing" if config.smoothing else "class_weight"
        raise OptionError(f"{name} is for cross-entropy", got=f"loss {config.loss}", expected="cross-entropy")


def _batch(samples: int, network: Network | None, config: TrainConfig) -> int:
    batch = min(LARGEST_BATCH, max(SMALLEST_BATCH, 1 << max(samples // 8, 1).bit_length() - 1))
    free = free_memory()
    if network is None or free is None or config.engine != "cpu":
        return batch
    costs, optimizer, limit = layer_costs(network), make_optimizer(config.optimizer), int(MEMORY_SHARE * free)

    def is_too_large(batch: int) -> bool:
        settings = StepSettings(batch, optimizer, checkpoint=config.checkpoint)
        return memory(network, costs, settings).peak_bytes > limit

    if not is_too_large(batch):
        return batch
    return max(1, bisect_left(range(1, batch), True, key=is_too_large))


def free_memory() -> int | None:
    """Bytes of memory that programs could take now, where the system says so."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def for_network(config: TrainConfig, shape: tuple[int, ...] | None) -> TrainConfig:
    """The settings with the reading of the data fitted to a network that says its own shape.

    Pictures are resized to it, and series of unequal lengths padded or cropped; what the user said stands.
    """
    if shape is None:
        return config
    reading = config.reading
    if len(shape) == 3:
        colour = {1: "grey", 3: "rgb"}.get(shape[2], "auto")
        reading = replace(
            reading,
            size=reading.size or (shape[0], shape[1]),
            colour=colour if reading.colour == "auto" else reading.colour,  # type: ignore[arg-type]
        )
    if len(shape) == 2 and reading.length is None:
        reading = replace(reading, length=shape[0])
    return replace(config, reading=reading)
