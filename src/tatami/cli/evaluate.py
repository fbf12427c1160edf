"""``tatami evaluate``: a trained network held against labelled data."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.data_options import Reading, reads_data
from tatami.cli.options import Format, FormatOption
from tatami.cli.place import DeviceOption, DtypeOption, EngineOption, place_of
from tatami.cli.result_files import CsvOption, PngOption, write_files, written_line


class Part(StrEnum):
    """Which samples of the data are evaluated."""

    test = "test"
    validation = "validation"
    train = "train"
    all = "all"


@reads_data
def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Data with classes of the run.")],
    split: Annotated[
        Part | None,
        typer.Option(help="Which samples: of the test unless given; without one, those the run held out, else all."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write an HTML page of the result.")
    ] = None,
    csv: CsvOption = None,
    png: PngOption = None,
    engine: EngineOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    format: FormatOption = Format.table,
    *,
    reading: Reading,
) -> None:
    """Evaluate a run on data: their test split; where there is none, what the run held out of its own data, or all."""
    from tatami.cli.result import print_evaluation
    from tatami.train.use import examine_run

    place = place_of(engine, device, dtype)
    examined = examine_run(
        run, data, options=reading.options(), part=split.value if split is not None else None, **place
    )
    if output or csv or png:
        typer.echo(written_line(write_files(examined.report(), output, csv, png)), err=True)
    print_evaluation(examined.found, format, run)
