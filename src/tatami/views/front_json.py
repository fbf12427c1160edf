"""An exploration as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tatami.views.front import COSTS, Exploration, Tried, front

SCHEMA = "tatami.explore/1"


def front_json(found: Exploration) -> dict[str, Any]:
    """Plain JSON types. ``fronts`` are numbers of trials, ascending in cost; ``command`` trains each one's line."""
    values = asdict(found)
    best = found.best
    return {
        "schema": SCHEMA,
        **values,
        "trials": [{**asdict(tried), "command": _command(found, tried)} for tried in found.trials],
        "best": None if best is None else best.number,
        "fronts": {cost.name: [tried.number for tried in front(found.trials, cost)] for cost in COSTS},
        "as_planned": found.as_planned,
    }


def _command(found: Exploration, tried: Tried) -> str:
    return found.command.replace("LINE", tried.line)
