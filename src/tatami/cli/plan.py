"""``tatami plan``: what a network costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tatami.cli.options import Bindings, FitChoice, FitOption, Format, FormatOption, read_bindings, read_shape
from tatami.errors import OptionError
from tatami.network import Network, find_network
from tatami.plan import make_plan
from tatami.recipe import make_optimizer

if TYPE_CHECKING:
    from tatami.plan.time import StepTime


def command(
    net: Annotated[str, typer.Argument(metavar="NET", help="Notation, a zoo name, or a .net file.")],
    input: Annotated[str | None, typer.Option("--input", metavar="SIZES", help="The input's shape: 32x32x3.")] = None,
    bind: Bindings = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Size of a bare last FC.")] = None,
    batch: Annotated[int, typer.Option(help="Samples in one step.")] = 1,
    optimizer: Annotated[str, typer.Option(help="Whose state the memory counts: sgd, momentum, adam ...")] = "sgd",
    fit: FitChoice = FitOption.crop,
    time: Annotated[bool, typer.Option("--time", help="Foretell the time of a step, here or on --gpu.")] = False,
    gpu: Annotated[
        str | None, typer.Option(metavar="NAME", help="A card of `tatami gpus`, such as 'RTX 4090'.")
    ] = None,
    format: FormatOption = Format.table,
) -> None:
    """Say what a network costs: sizes, parameters, MACs, memory, receptive field."""
    source = find_network(net, read_bindings(bind))
    network = source.build(read_shape(input), classes, fit=fit.value)
    plan = make_plan(network, batch, make_optimizer(optimizer))
    if gpu is not None and not time:
        raise OptionError("--gpu has nothing to say", expected="--time beside it")
    step = _foretell(network, gpu, batch, optimizer) if time else None
    if format is Format.json:
        from tatami.views.plan_json import plan_json

        content = plan_json(plan)
        if step is not None:
            from tatami.views.time_table import time_json

            content["time"] = time_json(step)
        typer.echo(json.dumps(content, indent=1))
    else:
        from rich.console import Console

        from tatami.views.plan_table import plan_table

        Console().print(plan_table(plan))
        if step is not None:
            from tatami.views.time_table import time_table

            Console().print(time_table(step))


def _foretell(network: Network, gpu: str | None, batch: int, optimizer: str) -> StepTime:
    """The time of a step on the card ``gpu``, or on this machine, which is measured first where that was never done."""
    from tatami.plan.devices import find_device
    from tatami.plan.time import foretell_time

    if gpu is not None:
        device = find_device(gpu)
    else:
        from tatami.engines.calibration import machine_device

        device = machine_device(lambda line: typer.echo(line, err=True))
    return foretell_time(network, device, batch, make_optimizer(optimizer))
