"""The last line of ``train`` and ``evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tatami.cli.options import Format

if TYPE_CHECKING:
    from tatami.train.events import Measured, Tested
    from tatami.views.evaluation import Evaluation


def print_result(tested: Tested | Measured, format: Format, run: Path) -> None:
    """``test accuracy 0.9830 (983 of 1000)``, or the same as data."""
    if format is not Format.json:
        typer.echo(result_line(tested))
        return
    from dataclasses import asdict

    typer.echo(json.dumps({**asdict(tested), "run": str(run)}))


def result_line(tested: Tested | Measured) -> str:
    """The line that others rely on."""
    from tatami.train.events import Measured
    from tatami.views.evaluation import fitted_text

    if isinstance(tested, Measured):
        return fitted_text(tested.split, tested.r2, tested.rmse, tested.total)
    return f"{tested.split} accuracy {tested.accuracy:.4f} ({tested.correct} of {tested.total})"


def print_evaluation(found: Evaluation, format: Format, run: Path) -> None:
    """The figures of each class, and the line; or all of it as data."""
    if format is Format.json:
        from tatami.views.evaluation_json import evaluation_json

        typer.echo(json.dumps({**evaluation_json(found), "run": str(run)}, allow_nan=False))
        return
    from rich.console import Console

    from tatami.views.evaluation import result_text
    from tatami.views.evaluation_table import evaluation_table

    table = evaluation_table(found)
    if table is not None:
        Console(highlight=False).print(table)
    typer.echo(result_text(found))
