"""``tatami predict``: the classes of new samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tatami.cli.options import Format, FormatOption

if TYPE_CHECKING:
    from tatami.train import Prediction


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Pictures, .npz files, IDX images, sample:digits.")
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each sample.")] = 3,
    engine: Annotated[str, typer.Option(help="Which engine computes.")] = "cpu",
    invert: Annotated[bool, typer.Option("--invert", help="Black for white: for dark on light.")] = False,
    format: FormatOption = Format.table,
) -> None:
    """Predict the classes of samples in files, prepared exactly as in training."""
    from tatami.train import predict_files

    predictions = predict_files(run, files, top, engine, inverted=invert)
    _note_tones(predictions, invert)
    if format is Format.json:
        rows = [
            {"sample": p.sample, "classes": [{"name": n, "probability": v} for n, v in p.ranked]} for p in predictions
        ]
        typer.echo(json.dumps(rows))
        return
    for prediction in predictions:
        ranked = ", ".join(f"{name} {probability:.4f}" for name, probability in prediction.ranked)
        typer.echo(f"{prediction.sample}: {ranked}")


def _note_tones(predictions: list[Prediction], inverted: bool) -> None:
    """Say once for each tone which samples may be inverted against those of training: on stderr, for people."""
    for tone, contrast in (("brighter", "dark on light"), ("darker", "light on dark")):
        names = [prediction.sample for prediction in predictions if prediction.tone == tone]
        if names:
            one = len(names) == 1
            those = f"{names[0]} is" if one else f"{names[0]} and {len(names) - 1} more are"
            question = f"if {'it is' if one else 'they are'} {contrast}, try --invert"
            advice = "try without --invert" if inverted else question
            typer.echo(f"note: {those} much {tone} than the training images; {advice}", err=True)
