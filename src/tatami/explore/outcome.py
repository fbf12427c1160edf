"""What becomes of a search: the best network's one test, the command that trains it anew, and the pages."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tatami.data import DataOptions
from tatami.engines.ranks import usual_engine
from tatami.explore.halving import FINAL, Job
from tatami.explore.journal import Journal
from tatami.explore.settings import Settings
from tatami.explore.space import Space, final_of, run_of
from tatami.explore.trial import Result
from tatami.formats import atomic_write
from tatami.train.config import ResolvedConfig, TrainConfig
from tatami.train.use import examine_run
from tatami.views.evaluation import result_text
from tatami.views.front import Exploration, FinalTest, Tried
from tatami.views.front_chart import front_svg_file
from tatami.views.front_json import front_json
from tatami.views.front_page import front_page

PAGE, DATA, CHART = "index.html", "front.json", "front.svg"
# Settings that the best is trained with, too: those of `tatami train` that choose no data and no length.
KEPT = (
    *("optimizer", "lr", "weight_decay", "clip_norm", "schedule", "loss", "smoothing", "class_weight"),
    *("accumulate", "augment", "ema", "init", "seed", "fit", "engine", "device", "dtype", "capture", "checkpoint"),
)


@dataclass(frozen=True)
class Found:
    """What an exploration came to.

    Attributes:
        folder: its directory.
        values: everything, for the views.
    """

    folder: Path
    values: Exploration

    @property
    def page(self) -> Path:
        """The page that shows it."""
        return self.folder / PAGE


def write_pages(folder: Path, values: Exploration) -> None:
    """Write values, chart and page into the exploration's directory.

    Raises:
        RunError: they cannot be written.
    """
    atomic_write(folder / DATA, json.dumps(front_json(values), indent=1) + "\n")
    drawn = front_svg_file(values)
    if drawn:
        atomic_write(folder / CHART, drawn)
    atomic_write(folder / PAGE, front_page(values))


def exploration_of(space: Space, folder: Path, journal: Journal, ended: str, spent: float) -> Exploration:
    """All that was found, for the views."""
    settings, candidates = space.settings, space.candidates
    latest = {job.trial: journal.latest(job.trial) for job in journal.results}
    trials = tuple(_tried(space, folder, trial, result) for trial, result in sorted(latest.items()) if result)
    longest = max((tried.epochs for tried in trials if tried.score is not None), default=settings.epochs[-1])
    return Exploration(
        family=settings.family,
        data=settings.training.data,
        budgets=settings.budgets,
        names=candidates.names,
        total=candidates.total,
        dropped=candidates.dropped,
        impossible=candidates.impossible,
        members=len(candidates.members),
        reason=candidates.reason,
        metric="R2" if space.dataset.is_regression else "accuracy",
        epochs=settings.epochs,
        batch=space.config.batch,
        trials=trials,
        seconds=spent,
        ended=ended,
        command=train_command(settings, space.config, longest),
    )


def _tried(space: Space, folder: Path, trial: int, result: Result) -> Tried:
    figures, member = space.figures(trial), space.member(trial)
    return Tried(
        number=trial,
        line=member.line,
        bindings=member.bindings,
        run=str(run_of(folder, trial)),
        epochs=result.epochs,
        score=None if result.failure else result.score,
        loss=result.loss,
        correct=result.correct,
        total=result.total,
        params=figures.params,
        macs=figures.macs,
        memory=figures.peak_bytes or 0,
        seconds=result.seconds / max(result.epochs, 1),
        measured_params=result.params,
        measured_memory=result.memory,
        failure=result.failure,
    )


def final_run(space: Space, folder: Path, journal: Journal, best: Tried | None) -> Path | None:
    """The run directory of the network that a search has come to; None while there is none.

    Where samples were held out it is the best one's, trained once more on all of them.
    """
    if best is None:
        return None
    if not space.config.validation:
        return Path(best.run)
    done = journal.results.get(Job(best.number, FINAL))
    if done is None or done.failure or done.epochs < best.epochs:
        return None
    return final_of(folder, best.number, done.epochs)


def examine_best(
    journal: Journal, values: Exploration, run: Path, settings: Settings, spent: float
) -> FinalTest | None:
    """Hold the best network against the test split: once, and again only where another has become the best.

    Args:
        journal: where it is written down.
        values: of the search.
        run: the best one's run directory, as it is to be tested.
        settings: of the search.
        spent: seconds so far.
    """
    best = values.best
    if best is None:
        return None
    known = [said for said in journal.tested if (said["trial"], said["epochs"]) == (best.number, best.epochs)]
    if not known:
        config = settings.training
        engine = config.engine or usual_engine(config.device, config.dtype)
        place: dict[str, Any] = {"device": config.device, "dtype": config.dtype} if engine == "torch" else {}
        examined = examine_run(run, config.data, engine, config.reading, "test", **place)
        found = examined.found
        score = found.classes.accuracy if found.classes is not None else found.targets.r2 if found.targets else 0.0
        correct = found.classes.correct if found.classes is not None else None
        journal.add(
            "tested",
            spent,
            **{"trial": best.number, "epochs": best.epochs, "text": result_text(found), "score": score},
            **{"correct": correct, "total": found.total},
        )
        known = journal.tested[-1:]
    said = known[0]
    result = said["text"], said["score"], said["correct"], said["total"]
    return FinalTest(best.number, *result, len(journal.tested))


def train_command(settings: Settings, config: ResolvedConfig, epochs: int) -> str:
    """The command that trains ``LINE`` on all training samples for ``epochs``, and tests it."""
    given, usual = settings.training, TrainConfig("")
    words = ["tatami", "train"]
    options: dict[str, Any] = {"epochs": epochs, "batch": config.batch}
    if config.validation:
        options["validation"] = 0
    options |= {name: getattr(given, name) for name in KEPT}
    said = [_option(name, value) for name, value in options.items() if value != getattr(usual, name)]
    return " ".join([*words, '"LINE"', shlex.quote(given.data), *said, *_reading(given.reading)])


def _reading(reading: DataOptions) -> list[str]:
    usual, names = DataOptions(), [each.name for each in fields(DataOptions)]
    given = {name: value for name in names if (value := getattr(reading, name)) != getattr(usual, name)}
    return [_option(name, value) for name, value in given.items()]


def _option(name: str, value: Any) -> str:
    """As on the command line."""
    flag = f"--{name.replace('_', '-')}"
    if value is True:
        return flag
    text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{flag} {shlex.quote(text)}"
