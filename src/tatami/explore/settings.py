"""What an exploration is: plain settings, kept in ``explore.toml`` of its directory."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
import tomli_w

from tatami.errors import OptionError, RunError
from tatami.explore.halving import Ladder
from tatami.formats import atomic_write
from tatami.train import TrainConfig
from tatami.train.config_file import to_toml

FILE = "explore.toml"


@dataclass(frozen=True)
class Settings:
    """What is searched, and how.

    Attributes:
        family: notation, or the path of a ``.net`` file.
        choices: values to try, as notation, by the name that takes them.
        budgets: assertions that members must keep, such as ``params < 200k``.
        training: how each trial is trained; ``data`` are those that it is trained on.
        epochs: of each rung, in all.
        eta: one trial of so many is promoted.
        seed: of the order in which members are tried; the trainings have their own.
        threads: of each trial.
        seconds: after which no training begins that would not be done by then.
        trials: most members that are trained; None for as many as there is time for.
    """

    family: str
    training: TrainConfig
    choices: dict[str, list[str]]
    budgets: tuple[str, ...]
    epochs: tuple[int, ...]
    eta: int
    seed: int
    threads: int
    seconds: float
    trials: int | None = None

    @property
    def ladder(self) -> Ladder:
        """The rungs that a trial climbs."""
        return Ladder(self.epochs, self.eta)


def write_settings(folder: Path, settings: Settings) -> None:
    """Keep settings in an exploration's directory.

    Raises:
        RunError: it cannot be written.
    """
    values = {name: value for name, value in asdict(settings).items() if value is not None}
    atomic_write(folder / FILE, tomli_w.dumps({**values, "training": tomllib.loads(to_toml(settings.training))}))


def read_settings(folder: Path) -> Settings:
    """The settings of an exploration.

    Raises:
        RunError: the directory holds none, or they are damaged.
    """
    path = folder / FILE
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Settings)
    except FileNotFoundError as error:
        raise RunError("not an exploration", where=str(folder), expected=f"a directory with {FILE}") from error
    except (OSError, ValueError) as error:  # msgspec's and tomllib's own errors are ValueErrors
        raise RunError("the settings of this exploration are damaged", where=str(path), got=error) from error


def continued(settings: Settings, before: Settings, where: str) -> Settings:
    """The settings with which an exploration goes on: those of before, with the time and the trials of now.

    Raises:
        OptionError: anything else is different.
    """
    now = replace(settings, seconds=before.seconds, trials=before.trials, threads=before.threads)
    different = [name for name, value in vars(before).items() if getattr(now, name) != value]
    if different:
        raise OptionError(
            "this directory holds another exploration",
            where=where,
            got=f"other {', '.join(different)}",
            expected="the same, but for --time, --trials and who trains",
            hint="--run another, or --resume to go on as it was begun",
        )
    return replace(before, seconds=settings.seconds, trials=settings.trials)
