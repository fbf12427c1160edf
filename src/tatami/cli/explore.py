"""``tatami explore``: a family of networks as a search within budgets."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tatami.cli.data_options import Reading, reads_data
from tatami.cli.options import FamilyBindings, read_choices
from tatami.errors import INTERRUPTED, OptionError

if TYPE_CHECKING:
    from tatami.explore import Found, Settings
    from tatami.explore.workers import Workers


class ExploreFormat(StrEnum):
    """How the result is printed."""

    table = "table"
    json = "json"
    markdown = "markdown"


_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600}


# What --resume may be given with: the rest is as it was begun.
_WITH_RESUME = ("resume", "within", "trials", "jobs", "cluster", "format")


@reads_data
def command(
    context: typer.Context,
    family: Annotated[
        str | None, typer.Argument(metavar="[FAMILY]", help="A pattern, or a .net file.", show_default=False)
    ] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="A folder, a file, or sample:digits.", show_default=False)
    ] = None,
    bind: FamilyBindings = None,
    budget: Annotated[
        list[str] | None,
        typer.Option("--budget", metavar="ASSERTION", help="What each member must keep, such as 'params < 200k'."),
    ] = None,
    within: Annotated[str, typer.Option("--time", metavar="TIME", help="For how long: 90s, 20m, 2h.")] = "20m",
    trials: Annotated[
        int | None, typer.Option(min=1, help="Most networks to train; as many as there is time for unless given.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of the longest trials; found from the data unless given.")
    ] = None,
    rungs: Annotated[int, typer.Option(min=1, help="How often the trials are compared.")] = 3,
    eta: Annotated[int, typer.Option(min=2, help="One trial of so many goes on, for so many times the epochs.")] = 3,
    batch: Annotated[int | None, typer.Option(min=1, help="Samples at once; found from the data unless given.")] = None,
    augment: Annotated[str | None, typer.Option(help="none, light, strong; by the data unless given.")] = None,
    validation: Annotated[
        float | None, typer.Option(help="Share of the training samples that judges the networks: 0.2 unless given.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of the trials, and of each training.")] = 0,
    engine: Annotated[str | None, typer.Option(help="Which engine computes: cpu, torch, textbook.")] = None,
    device: Annotated[str | None, typer.Option(help="Where the torch engine computes.", show_default=False)] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings of the trainings from a TOML file; options come first.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time; one a processor unless given, one alone on a GPU.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of each trial; its share of the processors unless given.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Train on a Dask cluster, whose workers see the same folders."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", help="The exploration's directory; explore unless given. Goes on in it.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Go on with this exploration, as it was begun.")
    ] = None,
    format: Annotated[ExploreFormat, typer.Option("--format", help="How to print the result.")] = ExploreFormat.table,
    *,
    reading: Reading,
) -> None:
    """Search a family for networks within budgets, and print the Pareto front of accuracy against what they cost."""
    from tatami.plan.machine import core_count

    given = {"epochs": epochs, "batch": batch, "augment": augment, "validation": validation, "seed": seed}
    given |= {"engine": engine, "device": device}
    if resume is not None:
        if family is not None or run is not None:
            raise OptionError("--resume goes on as it was begun", got=family or str(run), expected="--resume DIR alone")
        _refuse_other(context)
        settings, folder = _as_before(resume, within, trials), resume
    else:
        if family is None or data is None:
            raise OptionError("nothing to explore", expected="FAMILY DATA, or --resume DIR")
        own = {"rungs": rungs, "eta": eta, "seed": seed, "trials": trials}
        folder = run or Path("explore")
        share = 1 if cluster else max(1, core_count() // (jobs or core_count()))
        own["threads"] = _threads_before(folder, threads) or threads or share
        choices, budgets = read_choices(bind), tuple(budget or ())
        settings = _settings(family, data, choices, budgets, own, given, reading, config, seconds_of(within))
    from tatami.cli.explore_progress import Progress
    from tatami.explore import explore

    with Progress(settings) as progress:
        found = explore(settings, folder, _workers(cluster, jobs, settings), progress.tell)
    _print(found, format)
    if found.values.ended.startswith("interrupted"):
        raise typer.Exit(INTERRUPTED)


def seconds_of(text: str) -> float:
    """``90s``, ``20m``, ``2h``; seconds without a unit.

    Raises:
        OptionError: something else.
    """
    number = text.strip().rstrip("smhin")
    unit = text.strip()[len(number) :] or "s"
    try:
        seconds = float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        raise OptionError("unreadable --time", got=text, expected="90s, 20m or 2h") from None
    if not 0 < seconds < 1e9:
        raise OptionError("impossible --time", got=text, expected="more than 0 seconds")
    return seconds


def _settings(
    family: str,
    data: str,
    choices: Any,
    budgets: tuple[str, ...],
    own: dict[str, Any],
    given: dict[str, Any],
    reading: Reading,
    config: Path | None,
    seconds: float,
) -> Settings:
    from dataclasses import replace

    from tatami.cli.train import make_settings
    from tatami.data import load
    from tatami.explore import Settings
    from tatami.explore.halving import make_ladder
    from tatami.explore.space import resolved
    from tatami.notation import print_value

    training = make_settings({"data": data, "net": family, **given}, reading.options(), config)
    most = resolved(training, load(training.data, training.reading)).epochs
    ladder = make_ladder(most, own["eta"], own["rungs"])
    return Settings(
        family=family,
        training=replace(training, net=""),
        choices={name: [print_value(value) for value in values] for name, values in choices.items()},
        budgets=budgets,
        epochs=ladder.epochs,
        eta=ladder.eta,
        seed=own["seed"],
        threads=own["threads"],
        seconds=seconds,
        trials=own["trials"],
    )


def _refuse_other(context: typer.Context) -> None:
    """Refuse options that an exploration that goes on would not follow."""
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name not in _WITH_RESUME and source is not None and source.name == "COMMANDLINE":
            raise OptionError(
                "--resume goes on as it was begun",
                got=parameter.opts[0],
                expected="no other options than --time, --trials, --jobs, --cluster and --format",
            )


def _threads_before(folder: Path, threads: int | None) -> int | None:
    """The threads of a trial of the exploration that lies in ``folder``; None where there is none."""
    from tatami.explore.settings import FILE, read_settings

    before = read_settings(folder).threads if (folder / FILE).exists() else None
    if before is not None and threads not in (None, before):
        raise OptionError(
            "trials keep the threads that they were planned by",
            where=str(folder),
            got=f"--threads {threads}",
            expected=f"--threads {before}, or none",
            hint="--run another",
        )
    return before


def _as_before(folder: Path, within: str, trials: int | None) -> Settings:
    from dataclasses import replace

    from tatami.explore.settings import read_settings

    before = read_settings(folder)
    return replace(before, seconds=seconds_of(within), trials=trials or before.trials)


def _workers(cluster: str | None, jobs: int | None, settings: Settings) -> Workers:
    from tatami.explore.workers import Cluster, Processes
    from tatami.plan.machine import core_count

    if cluster is not None:
        return Cluster(cluster)
    one_device = settings.training.engine == "torch" and settings.training.device != "cpu"
    return Processes(jobs or (1 if one_device else max(1, core_count() // settings.threads)), settings.threads)


def _print(found: Found, format: ExploreFormat) -> None:
    if format is ExploreFormat.json:
        from tatami.views.front_json import front_json

        typer.echo(json.dumps(front_json(found.values), indent=1))
        return
    from rich.console import Console

    from tatami.views.front import best_lines
    from tatami.views.front_table import front_markdown, front_table

    if format is ExploreFormat.markdown:
        typer.echo(front_markdown(found.values), nl=False)
        return
    Console(highlight=False).print(front_table(found.values))
    typer.echo(f"page {found.page}")
    typer.echo("\n".join(best_lines(found.values)))
