"""``tatami data``: a look at data before anything is trained on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.data_options import Reading, reads_data
from tatami.cli.options import Format, FormatOption
from tatami.cli.output import output_to
from tatami.errors import CHECK_FAILED

app = typer.Typer(help="Look at data before training on them.", no_args_is_help=True)

_PAGES = (".html", ".htm")


@app.callback()
def _group() -> None:
    """Make ``check`` a command of its own, and leave room for others."""


@app.command()
@reads_data
def check(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A folder, a file, or sample:NAME, as for train.")],
    format: FormatOption = Format.table,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A .html page with samples; else the result.")
    ] = None,
    *,
    reading: Reading,
) -> None:
    """Check data: classes, sizes, corrupt files, duplicates, leakage, constant samples. Exit code 1 for an error."""
    options = reading.options()

    from tatami.data import check_health, load, refuse_unused

    refuse_unused(data, options)
    dataset = load(data, options)
    health = check_health(dataset)
    wants_page = output is not None and output.suffix.lower() in _PAGES
    if output is not None and wants_page:
        from tatami.data import galleries
        from tatami.formats import atomic_write
        from tatami.views.health_html import health_page

        atomic_write(output, health_page(health, galleries(dataset)))
    with output_to(None if wants_page else output):
        if format is Format.json:
            from tatami.views.health_json import health_json

            typer.echo(json.dumps(health_json(health), indent=1, allow_nan=False))
        else:
            from rich.console import Console

            from tatami.views.health_table import health_table

            Console(highlight=False).print(health_table(health))
    if wants_page:
        typer.echo(f"page {output}", err=True)
    if health.errors:
        raise typer.Exit(CHECK_FAILED)
