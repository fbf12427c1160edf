"""What ``tatami plan`` prints, in each format."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from tatami.cli.options import PlanFormat
from tatami.network import Source
from tatami.plan import Plan
from tatami.plan.budget import Verdict

if TYPE_CHECKING:
    from tatami.cli.plan_batch import BatchAnswer
    from tatami.plan.cuda import CudaMemory
    from tatami.plan.kernel_choice import KernelRow
    from tatami.plan.time import StepTime

_UNBOUNDED = 1000  # characters: no table is wider


def print_plan(
    plan: Plan,
    largest: BatchAnswer | None,
    lines: CudaMemory | None,
    step: StepTime | None,
    verdicts: tuple[Verdict, ...],
    kernels: list[KernelRow] | None,
    format: PlanFormat,
    wide: bool,
) -> None:
    """The plan and what else was asked for, as a table, JSON, CSV or Markdown."""
    if format is PlanFormat.json:
        from tatami.views.plan_json import plan_json

        content = plan_json(plan)
        content["max_batch"] = None if largest is None else largest.found.batch
        if largest is not None:
            from tatami.views.batch_text import batch_json

            content["largest_batch"] = batch_json(largest.found, largest.narrow, largest.again, largest.summed)
        if lines is not None:
            from tatami.views.memory_lines import memory_lines_json

            content["memory_lines"] = memory_lines_json(lines)
        if step is not None:
            from tatami.views.time_table import time_json

            content["time"] = time_json(step)
        if kernels is not None:
            from tatami.views.kernels_table import kernels_json

            content["kernels"] = kernels_json(kernels)
        if verdicts:
            content["assertions"] = [
                {"assertion": str(v.assertion), "value": v.value, "holds": v.holds} for v in verdicts
            ]
        typer.echo(json.dumps(content, indent=1))
    elif format is PlanFormat.csv:
        from tatami.views.plan_csv import plan_csv

        typer.echo(plan_csv(plan), nl=False)
    elif format is PlanFormat.markdown:
        from tatami.views.plan_markdown import plan_markdown

        typer.echo(plan_markdown(plan), nl=False)
    else:
        from rich.console import Console

        from tatami.views.plan_table import plan_table

        console = Console(width=_UNBOUNDED) if wide else Console()
        console.print(plan_table(plan, console.width, wide))
        if largest is not None:
            from tatami.views.batch_text import batch_lines

            typer.echo("\n".join(batch_lines(largest.found, largest.narrow, largest.again, largest.summed)))
        if lines is not None:
            from tatami.views.memory_lines import memory_lines

            typer.echo("\n".join(memory_lines(lines)))
        if step is not None:
            from tatami.views.time_table import time_table

            Console().print(time_table(step))
        if kernels is not None:
            from tatami.views.kernels_table import kernels_table

            console.print(kernels_table(kernels))
        for verdict in verdicts:
            if verdict.holds:
                typer.echo(f"holds: {verdict}")


def print_page(
    plan: Plan, source: Source, largest: BatchAnswer | None, step: StepTime | None, verdicts: tuple[Verdict, ...]
) -> None:
    """The plan as a page of HTML."""
    from tatami.notation import print_text
    from tatami.views.plan_page import plan_page

    remarks: list[str] = []
    if largest is not None:
        from tatami.views.batch_text import batch_lines

        remarks += batch_lines(largest.found, largest.narrow, largest.again, largest.summed)
    if step is not None:
        from tatami.views.time_table import time_lines

        remarks += time_lines(step)
    remarks += [f"{'holds' if verdict.holds else 'failed'}: {verdict}" for verdict in verdicts]
    typer.echo(plan_page(plan, source.name, print_text(source.program), remarks), nl=False)
