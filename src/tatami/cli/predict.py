"""``tatami predict``: the classes of new samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.options import Format, FormatOption


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Pictures, .npz files, IDX images.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each sample.")] = 3,
    engine: Annotated[str, typer.Option(help="Which engine computes.")] = "textbook",
    format: FormatOption = Format.table,
) -> None:
    """Predict the classes of samples in files, prepared exactly as in training."""
    from tatami.train import predict_files

    predictions = predict_files(run, files, top, engine)
    if format is Format.json:
        rows = [
            {"sample": p.sample, "classes": [{"name": n, "probability": v} for n, v in p.ranked]} for p in predictions
        ]
        typer.echo(json.dumps(rows))
        return
    for prediction in predictions:
        ranked = ", ".join(f"{name} {probability:.4f}" for name, probability in prediction.ranked)
        typer.echo(f"{prediction.sample}: {ranked}")
