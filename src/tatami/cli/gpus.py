"""``tatami gpus``: the catalogue of graphics cards."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tatami.cli.options import Format, FormatOption


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show only the cards that this names.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """List graphics cards: memory, bandwidth, peak. Cards of your own: see docs/gpus.md."""
    from tatami.plan.card_names import matching_devices
    from tatami.plan.catalogue import catalogue

    devices = catalogue() if name is None else matching_devices(name)
    if format is Format.json:
        from tatami.views.gpus_table import gpus_json

        typer.echo(json.dumps(gpus_json(devices), indent=1))
    else:
        from rich.console import Console

        from tatami.views.gpus_table import gpus_table

        Console().print(gpus_table(devices))
