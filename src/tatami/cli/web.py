"""``tatami web``: the local page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer


def command(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA or RUN]",
            help="Data to train on, as of `tatami train`, or a run directory to look into.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    runs: Annotated[Path, typer.Option(metavar="FOLDER", help="Where runs are listed and new ones made.")] = Path(
        "runs"
    ),
) -> None:
    """Design, watch, train and look inside in the browser: a page of this machine, for this machine, until Ctrl-C."""
    from tatami.train.run import CONFIG
    from tatami.web.server import serve
    from tatami.web.session import Session

    run = Path(source) if source is not None and (Path(source) / CONFIG).is_file() else None
    session = Session(data=source if run is None else None, runs_folder=runs, run=run)
    start = ""
    if run is not None:
        start = "#/look?" + urlencode({"run": session.run_ids()[0]})
    elif source is not None:
        start = "#/train?" + urlencode({"data": session.data_ids()[0]})
    serve(session, port, lambda address: typer.echo(f"{address}\nCtrl-C stops the server"), browser, start)
