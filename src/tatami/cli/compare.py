"""``tatami compare``: networks side by side."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tatami.cli.options import FitChoice, FitOption, Format, FormatOption, read_shape
from tatami.exchange.source import open_network
from tatami.plan import make_plan
from tatami.plan.compare import compare, distinct_names
from tatami.plan.figures import plan_figures
from tatami.recipe import make_optimizer


def command(
    nets: Annotated[list[str], typer.Argument(metavar="NET NET...", help="Notation, zoo names, .net or .onnx files.")],
    input: Annotated[str | None, typer.Option("--input", metavar="SIZES", help="The input's shape: 32x32x3.")] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Size of a bare last FC.")] = None,
    batch: Annotated[int, typer.Option(help="Samples in one step.")] = 1,
    optimizer: Annotated[str, typer.Option(help="Whose state the memory counts: sgd, momentum, adam ...")] = "sgd",
    fit: FitChoice = FitOption.crop,
    format: FormatOption = Format.table,
) -> None:
    """Compare networks: sizes, parameters, MACs, memory, receptive field, depth, in figures and in words."""
    shape, update = read_shape(input), make_optimizer(optimizer)
    sources = [open_network(net, input_shape=shape) for net in nets]
    networks = [source.build(shape, classes, fit=fit.value) for source in sources]
    figures = [plan_figures(make_plan(network, batch, update)) for network in networks]
    comparison = compare(list(zip(distinct_names([source.name for source in sources]), figures, strict=True)))
    if format is Format.json:
        from tatami.views.compare_table import compare_json

        typer.echo(json.dumps(compare_json(comparison), indent=1))
    else:
        from rich.console import Console

        from tatami.views.compare_table import compare_table

        console = Console(highlight=False)
        for name, net in zip(comparison.names, nets, strict=True):
            if name != net:
                console.print(f"{name}  {net}", markup=False)
        console.print(compare_table(comparison))
