"""``tatami report``: a run to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.result_files import CsvOption, PngOption, write_files, written_line


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="The page; RUN/report.html unless given.")
    ] = None,
    csv: CsvOption = None,
    png: PngOption = None,
) -> None:
    """Write the report of a run anew: one HTML page with results, curves, errors, data and settings."""
    from tatami.train.report import read_report
    from tatami.train.run import REPORT, Run

    report = read_report(Run(run))
    typer.echo(written_line(write_files(report, output or run / REPORT, csv, png)))
