"""Compare: networks side by side by their plans, and runs side by side by their curves, while they train too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from starlette.routing import Route

from tatami.errors import OptionError, TatamiError
from tatami.plan import make_plan
from tatami.plan.compare import compare, distinct_names
from tatami.plan.figures import plan_figures
from tatami.recipe import make_optimizer
from tatami.train.events import Ended, EpochEnded, Started
from tatami.train.report import read_report
from tatami.train.run import EVENTS, Run
from tatami.views.chart import Curve
from tatami.views.compare_table import LABELS, ratio_text, value_text
from tatami.views.compare_words import compare_words
from tatami.views.drawing import network_svg
from tatami.web.data_name import data_name
from tatami.web.failures import failure_json
from tatami.web.line import Line, read_line
from tatami.web.routes import get, post
from tatami.web.session import Session

MOST = 12  # networks, or runs, at once
_NO_COSTS = {"receptive_field", "layers", "depth", "nonlinearities"}  # figures of which less is not better
_ENDS = {"finished": "finished", "early": "stopped early", "interrupted": "interrupted", "failed": "failed"}


@dataclass(frozen=True)
class Networks:
    """Lines to compare, and the step whose memory is theirs."""

    lines: tuple[Line, ...]
    batch: int = 1
    optimizer: str = "sgd"
    width: float = 600


def routes(session: Session) -> list[Route]:
    """The paths of this view."""
    return [
        post("/api/compare/networks", Networks, compared_networks),
        get("/api/compare/runs", lambda asked: listed_runs(session)),
        get("/api/compare/run/{run}", partial(run_answer, session)),
    ]


# --- networks ---


def compared_networks(asked: Networks) -> dict[str, Any]:
    """The figures of the lines that can be built, measured by the first; of the others, why they cannot.

    Raises:
        OptionError: too many, or a step that makes no sense.
    """
    if len(asked.lines) > MOST:
        raise OptionError("too many networks at once", got=len(asked.lines), expected=f"at most {MOST}")
    optimizer = make_optimizer(asked.optimizer)
    errors: list[dict[str, Any] | None] = []
    named, plans = [], []
    for line in asked.lines:
        try:
            reading = read_line(line)
            plans.append(make_plan(reading.build(), asked.batch, optimizer))
            named.append(reading.source.name)
            errors.append(None)
        except TatamiError as error:
            errors.append(failure_json(error)["error"])
    answer: dict[str, Any] = {"errors": errors, "names": [], "rows": [], "words": [], "drawings": []}
    if not plans:
        return answer
    comparison = compare(list(zip(distinct_names(named), map(plan_figures, plans), strict=True)))
    nets = range(len(plans))
    rows = [
        {
            "label": LABELS[row.name],
            "is_cost": row.name not in _NO_COSTS,
            "cells": [
                {
                    "text": value_text(row, i),
                    "ratio": ratio_text(row, i) if row.differs else "",
                    "extreme": "smallest" if i in row.smallest else "largest" if i in row.largest else "",
                }
                for i in nets
            ],
        }
        for row in comparison.rows
    ]
    return {
        "errors": errors,
        "names": list(comparison.names),
        "rows": rows,
        "words": list(compare_words(comparison)),
        "drawings": [network_svg(plan, min(max(asked.width, 300), 4000), alone=False) for plan in plans],
    }


# --- runs ---


def listed_runs(session: Session) -> dict[str, Any]:
    """All runs, each in a line; one that is damaged says so, and is no reason not to show the others."""
    return {"runs": [_listed(name, path) for name, path in session.runs().items()]}


def run_answer(session: Session, asked: Mapping[str, str]) -> dict[str, Any]:
    """The curves, facts and settings of one run, as far as it has come.

    Args:
        session: which lists the runs.
        asked: ``run``, and ``stamp`` of the answer before: then the answer is only its ``stamp`` where nothing is new.

    Raises:
        RunError: not listed, or damaged.
    """
    path = session.run(asked["run"])
    stamp = _stamp(path)
    text = f"{stamp[0]}-{stamp[1]}"
    return {"stamp": text} if asked.get("stamp") == text else {"stamp": text, **_run(path, stamp)}


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the run has gone on. A run without events yet has none."""
    try:
        found = (path / EVENTS).stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


def _listed(name: str, path: Path) -> dict[str, Any]:
    try:
        return {"id": name, "error": None, **_summary(path, _stamp(path))}
    except TatamiError as error:
        return {"id": name, "error": str(error)}


@lru_cache(maxsize=512)
def _summary(path: Path, stamp: tuple[int, int]) -> dict[str, Any]:
    events = Run(path).events()
    started = next((event for event in events if isinstance(event, Started)), None)
    ended = next((event for event in reversed(events) if isinstance(event, Ended)), None)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    losses = [epoch.validation_loss for epoch in epochs if epoch.validation_loss is not None]
    accuracies = [epoch.validation_accuracy for epoch in epochs if epoch.validation_accuracy is not None]
    return {
        "network": started.network if started else "",
        "data": data_name(started.data) if started else "",
        "params": f"{started.params:,}" if started else "",
        "epochs": f"{len(epochs)} of {started.epochs}" if started else f"{len(epochs)}",
        "loss": f"{min(losses):.4f}" if losses else "-",
        "accuracy": f"{100 * max(accuracies):.2f}%" if accuracies else "-",
        "state": _ENDS.get(ended.reason, ended.reason) if ended else "not ended",
    }


@lru_cache(maxsize=64)
def _run(path: Path, stamp: tuple[int, int]) -> dict[str, Any]:
    report = read_report(Run(path))
    training, validation = report.curves
    data = dict(report.settings)["data"]
    return {
        "title": report.title.removesuffix(data) + data_name(data),
        "notation": report.notation,
        "facts": report.facts,
        "settings": [(name, data_name(value) if name == "data" else value) for name, value in report.settings],
        "curves": {
            "training": _points(training),
            "validation": _points(validation),
            "accuracy": _points(report.accuracy),
            "rate": _points(report.rate),
        },
    }


def _points(curve: Curve) -> dict[str, list[float]]:
    return {"x": [x for x, _ in curve.points], "y": [y for _, y in curve.points]}
