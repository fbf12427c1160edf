"""``tatami bench``: measure a network's training step here, and which method each convolution should take."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tatami.cli.options import Bindings, Format, FormatOption, read_bindings, read_shape
from tatami.errors import TatamiError


def command(
    net: Annotated[str, typer.Argument(metavar="NET", help="Notation, a zoo name, or a .net file.")] = "memo",
    input: Annotated[str | None, typer.Option("--input", metavar="SIZES", help="The input's shape: 32x32x3.")] = None,
    bind: Bindings = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Size of a bare last FC.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Samples in one step.")] = 64,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each kernel; the shortest counts.")] = 5,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Let training and plans on this machine use the result.")
    ] = True,
    format: FormatOption = Format.table,
) -> None:
    """Measure how long each layer takes on the CPU engine, and the methods that each convolution could take."""
    from tatami.network import find_network

    network = find_network(net, read_bindings(bind)).build(read_shape(input), classes)

    from tatami.engines.cpu.profiling import fastest, measure_methods, profile, training_model
    from tatami.formats import atomic_write
    from tatami.plan.measured import measured_methods, methods_file, with_methods
    from tatami.plan.methods import Methods
    from tatami.views.bench_table import bench_json, bench_table

    def say(line: str) -> None:
        typer.echo(line, err=True)

    found = measure_methods(network, batch, say, repeats)
    chosen = fastest(found)
    if keep and chosen:
        path = methods_file()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, with_methods(chosen))
        except (OSError, TatamiError) as error:
            say(f"not kept: {error}")
    model = training_model(network, batch, Methods({**measured_methods(), **chosen}))
    times = profile(model, repeats)
    if format is Format.json:
        typer.echo(json.dumps(bench_json(times, found, batch), indent=1))
    else:
        from rich.console import Console

        Console().print(bench_table(times, batch))
