"""``tatami evaluate``: a trained network held against labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.options import Format, FormatOption


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Data with the classes of the run.")],
    engine: Annotated[str, typer.Option(help="Which engine computes.")] = "cpu",
    format: FormatOption = Format.table,
) -> None:
    """Evaluate a run on data: their test split, or all of them where they have none."""
    from tatami.cli.result import print_result
    from tatami.train import evaluate_run

    print_result(evaluate_run(run, data, engine), format, run)
