"""``tatami zoo``: the published networks."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tatami.cli.options import Format, FormatOption
from tatami.network import find_network, zoo
from tatami.plan import make_plan


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Print this network's text.")] = None,
    format: FormatOption = Format.table,
) -> None:
    """List the published networks, or print the text of one."""
    if name is not None:
        typer.echo(zoo.read(name).text.rstrip())
        return
    rows = [(zoo.read(entry), make_plan(find_network(entry).build())) for entry in zoo.names()]
    if format is Format.json:
        listing = [
            {"name": e.name, "title": e.title, "source": e.source, "params": p.totals.params, "macs": p.totals.macs}
            for e, p in rows
        ]
        typer.echo(json.dumps(listing, indent=1))
    else:
        from rich.console import Console

        from tatami.views.zoo_table import zoo_table

        Console().print(zoo_table(rows))
