"""``tatami lab``: the claims about ConvNets, checked here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tatami.errors import INTERRUPTED, OptionError

if TYPE_CHECKING:
    from tatami.lab.claim import Claim
    from tatami.lab.run import Progress
    from tatami.views.experiment import LabReport


class LabFormat(StrEnum):
    """How an experiment's report is printed."""

    table = "table"
    json = "json"
    markdown = "markdown"


# What may be given without a claim: the rest is about how one is checked.
_WITH_LIST = ("format",)


def command(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[CLAIM]...", help="Which experiments; none lists them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="The long form; the quick one ends within three minutes on 2 cores.")
    ] = False,
    seeds: Annotated[
        int | None, typer.Option(min=2, help="How often what is random is drawn; the experiment's own unless given.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Measure on other data than the built-in digits.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Measure again what is kept from before.")] = False,
    format: Annotated[LabFormat, typer.Option("--format", help="How to print the reports.")] = LabFormat.table,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where pages and figures go; lab/ unless given."),
    ] = None,
) -> None:
    """Check a claim about ConvNets by experiment: its figures with confidence, and a verdict. Without one: the list."""
    from tatami.lab import Size, claim_named, claims, run_claim

    if every and names:
        raise OptionError("--all is for every claim", got=" ".join(names), expected="one or the other")
    chosen = list(claims().values()) if every else [claim_named(name) for name in names or []]
    if not chosen:
        _refuse_options(context)
        _print_list(format)
        return
    without = [claim.name for claim in chosen if not claim.data]
    if data is not None and without and not every:
        raise OptionError(
            f"{without[0]} takes no data", got=f"--data {data}", expected=f"tatami lab {without[0]} without it"
        )
    size = Size(full, seeds or 0)
    reports = []
    for claim in chosen:
        try:
            with _progress(claim.name) as tell:
                reports.append(run_claim(claim, size, data=data, tell=tell, anew=anew))
        except KeyboardInterrupt:
            again = "the same command without --anew" if anew else "the same command"
            typer.echo(f"interrupted; what was measured is kept, and {again} goes on", err=True)
            raise typer.Exit(INTERRUPTED) from None
        page = _write(reports[-1], (output or Path("lab")) / _folder_name(claim, reports[-1]))
        if format is LabFormat.table:
            _print_table(reports[-1])
            typer.echo(f"page    {page}\n")
    if format is LabFormat.json:
        typer.echo(json.dumps([report.to_json() for report in reports], indent=1))
    elif format is LabFormat.markdown:
        from tatami.views.experiment_table import experiments_markdown

        typer.echo(experiments_markdown(reports), nl=False)
    elif len(reports) > 1:
        from rich.console import Console

        from tatami.views.experiment_table import verdict_table

        Console(highlight=False).print(verdict_table(reports))


def _refuse_options(context: typer.Context) -> None:
    """Refuse options that a list of claims would not follow."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name not in _WITH_LIST and source is not None and source.name == "COMMANDLINE":
            flags = parameter.secondary_opts if context.params[name] is False else parameter.opts
            raise OptionError("no claim to check", got=flags[-1], expected="tatami lab CLAIM, or --all")


def _print_list(format: LabFormat) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tatami.lab import claims

    if format is LabFormat.json:
        known = [{"name": c.name, "says": c.says, "sources": c.sources} for c in claims().values()]
        typer.echo(json.dumps(known, indent=1))
        return
    if format is LabFormat.markdown:
        from tatami.views.experiment_table import claims_markdown

        typer.echo(claims_markdown((claim.name, claim.says) for claim in claims().values()), nl=False)
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("claim")
    table.add_column("says", overflow="fold")
    for claim in claims().values():
        table.add_row(claim.name, Text(claim.says))  # brackets are not markup
    Console(highlight=False).print(table)
    typer.echo("\ntatami lab CLAIM runs one, tatami lab --all --quick all of them")


def _print_table(report: LabReport) -> None:
    from rich.console import Console

    from tatami.views.experiment_table import experiment_table

    Console(highlight=False).print(experiment_table(report))


def _folder_name(claim: Claim, report: LabReport) -> str:
    """``depth-quick``; on other data than the claim's own ``depth-quick-gunpoint``, each beside the others."""
    data = os.path.normpath(report.data).removeprefix("sample:")
    words = [claim.name, report.size] + [re.sub(r"[^\w.-]+", "-", data).strip("-")[-100:]] * (report.data != claim.data)
    return "-".join(words)


def _write(report: LabReport, folder: Path) -> Path:
    """The page, its charts and the values of a report; returns the page's place."""
    from tatami.formats import atomic_write
    from tatami.views.experiment_chart import experiment_svg_file
    from tatami.views.experiment_html import experiment_html

    folder.mkdir(parents=True, exist_ok=True)
    for number, chart in enumerate(report.conclusion.charts, start=1):
        drawn = experiment_svg_file(chart)
        if drawn:
            atomic_write(folder / f"figure-{number}.svg", drawn)
    atomic_write(folder / "result.json", json.dumps(report.to_json(), indent=1) + "\n")
    atomic_write(folder / "index.html", experiment_html(report))
    return folder / "index.html"


@contextmanager
def _progress(name: str) -> Iterator[Progress]:
    """A line on stderr that moves on with the trials."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(name),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[last]}"),
    )
    console = Console(stderr=True)
    # Off a terminal there is no bar, and a blank line would be left of it.
    with Progress(*columns, console=console, transient=True, disable=not console.is_interactive) as bar:
        task = bar.add_task(name, total=None, last="")

        def tell(done: int, total: int, trial: object) -> None:
            last = getattr(trial, "group", "")
            bar.update(task, completed=done, total=total, last=last)

        yield tell
