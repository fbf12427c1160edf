"""``tatami train``: from one line to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.options import Bindings, FitChoice, FitOption, Format, FormatOption, read_bindings
from tatami.errors import INTERRUPTED, OptionError

DEFAULT_NET, DEFAULT_DATA = "memo", "sample:digits"


def command(
    net: Annotated[str, typer.Argument(metavar="[NET]", help="Notation, a zoo name, or a .net file.")] = DEFAULT_NET,
    data: Annotated[
        str, typer.Argument(metavar="[DATA]", help="sample:digits, sample:gunpoint, an .npz file, MNIST's IDX files.")
    ] = DEFAULT_DATA,
    bind: Bindings = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data; found from the data unless given.")] = None,
    batch: Annotated[int | None, typer.Option(help="Samples in one step; found from the data unless given.")] = None,
    optimizer: Annotated[str, typer.Option(help="sgd, momentum, nesterov, rmsprop, adam, adamw.")] = "adam",
    lr: Annotated[
        float | None, typer.Option(help="Highest learning rate; the optimizer's default unless given.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Weight decay; the optimizer's default unless given.")
    ] = None,
    schedule: Annotated[str, typer.Option(help="constant, step, cosine, onecycle.")] = "onecycle",
    loss: Annotated[str, typer.Option(help="cross-entropy, mse, hinge.")] = "cross-entropy",
    init: Annotated[str, typer.Option(help="Initial weights: he, xavier.")] = "he",
    validation: Annotated[float, typer.Option(help="Share held out to choose the best epoch.")] = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, shuffling, dropout and split.")] = 0,
    fit: FitChoice = FitOption.crop,
    engine: Annotated[str, typer.Option(help="Which engine computes.")] = "cpu",
    run: Annotated[Path | None, typer.Option(help="A new directory for the run; runs/DATA-TIME unless given.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """Train a network. Without arguments: the memo's network on the built-in handwritten digits."""
    source_bindings = read_bindings(bind)
    if net.startswith("sample:") or net.endswith((".npz", ".gz", "-ubyte")):
        raise OptionError("this is data, not a network", got=net, hint=f"tatami train {DEFAULT_NET} {net}")

    from tatami.cli.progress import Progress
    from tatami.network import find_network
    from tatami.train import TrainConfig, train

    source = find_network(net, source_bindings)
    config = TrainConfig(
        data=data,
        engine=engine,
        epochs=epochs,
        batch=batch,
        optimizer=optimizer,
        lr=lr,
        weight_decay=weight_decay,
        schedule=schedule,
        loss=loss,
        init=init,
        validation=validation,
        seed=seed,
        fit=fit.value,
    )
    with Progress() as progress:
        outcome = train(source, config, run, progress.tell)
    note = ""
    if outcome.interrupted:
        when = "" if outcome.tested else " before the first epoch ended"
        note = f"interrupted{when}; everything so far is saved\n"
    typer.echo(f"{note}run    {outcome.run.path}\nreport {outcome.report}", err=format is Format.json)
    if outcome.tested is not None:
        from tatami.cli.result import print_result

        print_result(outcome.tested, format, run=outcome.run.path)
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
