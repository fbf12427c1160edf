"""``tatami lr-find``: the learning-rate range test."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tatami.cli.data_options import Reading, reads_data
from tatami.cli.options import Bindings, Format, FormatOption, read_bindings
from tatami.cli.train import make_settings

LINES = 25


@reads_data
def command(
    net: Annotated[str, typer.Argument(metavar="NET", help="Notation, a zoo name, a .net or .onnx file.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder, a file, or sample:NAME.")],
    bind: Bindings = None,
    optimizer: Annotated[str, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam, adamw.")] = "adamw",
    batch: Annotated[int | None, typer.Option(help="Samples in one step; found from the data unless given.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, shuffling and augmentation.")] = 0,
    format: FormatOption = Format.table,
    *,
    reading: Reading,
) -> None:
    """Let the learning rate grow until the loss explodes, and suggest a highest one to train with."""
    from tatami.exchange.source import open_for_training
    from tatami.train import range_test

    source, weights = open_for_training(net, read_bindings(bind))
    given = {"net": net, "data": data, "optimizer": optimizer, "batch": batch, "seed": seed, "weights": weights}
    settings = make_settings(given, reading.options(), None)
    found = range_test(source, settings)
    if format is Format.json:
        values = {"rates": found.rates, "losses": found.losses, "suggestion": found.suggestion}
        typer.echo(json.dumps(values))
        return
    every = -(-len(found.rates) // LINES)
    low, high = min(found.losses), max(found.losses)
    for rate, loss in list(zip(found.rates, found.losses, strict=True))[::every]:
        bar = "#" * round(40 * (loss - low) / max(high - low, 1e-12))
        typer.echo(f"{rate:9.1e}  loss {loss:8.4f}  {bar}".rstrip())
    typer.echo(f"suggested: --lr {found.suggestion:g}")
