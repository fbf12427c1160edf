"""``tatami plan``: what a network costs."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tatami.cli.options import Bindings, FitChoice, FitOption, Format, FormatOption, read_bindings, read_shape
from tatami.network import find_network
from tatami.plan import make_plan
from tatami.recipe import make_optimizer


def command(
    net: Annotated[str, typer.Argument(metavar="NET", help="Notation, a zoo name, or a .net file.")],
    input: Annotated[str | None, typer.Option("--input", metavar="SIZES", help="The input's shape: 32x32x3.")] = None,
    bind: Bindings = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Size of a bare last FC.")] = None,
    batch: Annotated[int, typer.Option(help="Samples in one step.")] = 1,
    optimizer: Annotated[str, typer.Option(help="Whose state the memory counts: sgd, momentum, adam ...")] = "sgd",
    fit: FitChoice = FitOption.crop,
    format: FormatOption = Format.table,
) -> None:
    """Say what a network costs: sizes, parameters, MACs, memory, receptive field."""
    source = find_network(net, read_bindings(bind))
    network = source.build(read_shape(input), classes, fit=fit.value)
    plan = make_plan(network, batch, make_optimizer(optimizer))
    if format is Format.json:
        from tatami.views.plan_json import plan_json

        typer.echo(json.dumps(plan_json(plan), indent=1))
    else:
        from rich.console import Console

        from tatami.views.plan_table import plan_table

        Console().print(plan_table(plan))
