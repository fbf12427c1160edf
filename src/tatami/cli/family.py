"""A family as ``tatami plan`` prints it."""

from __future__ import annotations

import json
from dataclasses import replace

import typer

from tatami.cli.options import PlanFormat
from tatami.errors import CHECK_FAILED
from tatami.plan.family import FamilyPlan, sort_members
from tatami.plan.figures import Figure, figure_named


def read_order(sort: str) -> tuple[Figure, bool]:
    """``memory`` as the figure to sort by, smallest first; ``-memory`` largest first."""
    return figure_named(sort.removeprefix("-")), sort.startswith("-")


def print_family(family: FamilyPlan, order: tuple[Figure, bool] | None, format: PlanFormat) -> None:
    """Print the members; exit 1 when none keeps the budget."""
    if order is not None:
        family = replace(family, members=sort_members(family.members, *order))
    if format is PlanFormat.json:
        from tatami.views.family_table import family_json

        typer.echo(json.dumps(family_json(family), indent=1))
    elif format is PlanFormat.table:
        from rich.console import Console

        from tatami.views.family_table import family_table

        Console(highlight=False).print(family_table(family))
    else:
        from tatami.views.family_table import family_rows
        from tatami.views.plan_csv import csv_text
        from tatami.views.plan_markdown import markdown_table

        headings, rows = family_rows(family)
        as_csv = format is PlanFormat.csv
        typer.echo(csv_text(headings, rows) if as_csv else markdown_table(headings, rows) + "\n", nl=False)
    if not family.members:
        typer.echo("failed: no member keeps the budget", err=True)
        raise typer.Exit(CHECK_FAILED)
