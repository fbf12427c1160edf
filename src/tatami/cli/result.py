"""The last line of ``train`` and ``evaluate``."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from tatami.cli.options import Format
from tatami.train.events import Tested


def print_result(tested: Tested, format: Format, run: Path) -> None:
    """``test accuracy 0.9830 (983 of 1000)``, or the same as data."""
    if format is Format.json:
        values = {
            "split": tested.split,
            "accuracy": tested.accuracy,
            "correct": tested.correct,
            "total": tested.total,
            "loss": tested.loss,
            "confusion": tested.confusion,
            "run": str(run),
        }
        typer.echo(json.dumps(values))
    else:
        typer.echo(result_line(tested))


def result_line(tested: Tested) -> str:
    """The line that others rely on."""
    return f"{tested.split} accuracy {tested.accuracy:.4f} ({tested.correct} of {tested.total})"
