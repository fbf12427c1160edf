"""The page, the CSV and the PNG of a result, as ``report`` and ``evaluate`` write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from tatami.views.report import Report

CsvOption: TypeAlias = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write the figures of each class, or target, as CSV.")
]
PngOption: TypeAlias = Annotated[
    Path | None, typer.Option("--png", metavar="FILE", help="Write a picture of the curves and the confusion matrix.")
]


def write_files(report: Report, page: Path | None, csv: Path | None, png: Path | None) -> list[Path]:
    """Write what is asked for, each file whole or not at all; returns what was written.

    Raises:
        OptionError: a file whose name ends as another kind of file.
        RunError: a file that cannot be written, or a CSV of a run without results.
    """
    from tatami.errors import OptionError, RunError
    from tatami.formats import atomic_write

    for option, path, suffixes in (
        ("-o", page, (".html", ".htm")),
        ("--csv", csv, (".csv",)),
        ("--png", png, (".png",)),
    ):
        if path is not None and path.suffix.lower() not in suffixes:
            raise OptionError(f"{option} writes another kind of file", got=path, expected=f"a name *{suffixes[0]}")
    if csv is not None and report.evaluation is None:
        raise RunError(
            "there are no results to write",
            where=report.title,
            got="a run that was not tested",
            hint="tatami evaluate RUN DATA --csv FILE",
        )
    if page is not None:
        from tatami.views.report import report_html

        atomic_write(page, report_html(report))
    if csv is not None and report.evaluation is not None:
        from tatami.views.evaluation_csv import evaluation_csv

        atomic_write(csv, evaluation_csv(report.evaluation))
    if png is not None:
        from tatami.views.evaluation_png import evaluation_png

        atomic_write(png, evaluation_png(report.charts, report.evaluation, report.title))
    return [path for path in (page, csv, png) if path is not None]


def written_line(paths: list[Path]) -> str:
    """One line that says what was written."""
    return "wrote " + ", ".join(map(str, paths))
