"""``tatami predict``: the classes of new samples, or the values of a regression."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from tatami.cli.place import DeviceOption, DtypeOption, EngineOption, place_of
from tatami.errors import CHECK_FAILED, TatamiError

if TYPE_CHECKING:
    from tatami.cli.predict_print import Printer
    from tatami.train import Prediction


class PredictFormat(StrEnum):
    """How predictions are printed."""

    table = "table"
    json = "json"
    csv = "csv"


def _by_ending(output: Path | None) -> PredictFormat:
    suffix = output.suffix.lower() if output is not None else ""
    return {".json": PredictFormat.json, ".csv": PredictFormat.csv}.get(suffix, PredictFormat.table)


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Pictures, folders of them, .npz files, IDX images, 'patterns*', sample:NAME, -."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each sample.")] = 3,
    engine: EngineOption = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    invert: Annotated[bool, typer.Option("--invert", help="Black for white: for dark on light.")] = False,
    format: Annotated[
        PredictFormat | None, typer.Option("--format", help="How to print the result; by the ending of -o, else table.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write there instead of printing.")
    ] = None,
) -> None:
    """Predict the classes of samples in files, prepared exactly as in training; - is standard input.

    Of several files, one that cannot be read is named and left out; the exit code then is 1.
    """
    from tatami.cli.predict_print import make_printer
    from tatami.train.inputs import STDIN, resolve
    from tatami.train.labelled import reading
    from tatami.train.predict import predictions
    from tatami.train.run import load_trained

    trained = load_trained(run, **place_of(engine, device, dtype))
    sources, problems = resolve(files, sys.stdin.buffer if STDIN in files else None)
    if len(sources) + len(problems) == 1 and problems:
        raise problems[0]
    failed: list[TatamiError] = []

    def leave_out(error: TatamiError) -> None:
        failed.append(error)
        typer.echo(f"left out: {error}", err=True)

    for problem in problems:
        leave_out(problem)
    several = len(sources) + len(problems) > 1
    found = predictions(
        trained,
        sources,
        top,
        reading(run, trained.identity),
        inverted=invert,
        on_problem=leave_out if several else None,
    )
    tones = Tones()
    with _stream(output) as stream:
        printer = make_printer(
            (format or _by_ending(output)).value, stream, trained.identity.outputs, top, trained.identity.standard
        )
        _print_all(printer, tones.note(found))
    tones.say(invert)
    if failed:
        raise typer.Exit(CHECK_FAILED)


def _print_all(printer: Printer, found: Iterator[Prediction]) -> None:
    """Print one prediction after another. Nothing is printed when the first cannot be made."""
    first = next(found, None)
    printer.begin()
    if first is not None:
        printer.one(first)
    for prediction in found:
        printer.one(prediction)
    printer.end()


@contextmanager
def _stream(path: Path | None) -> Iterator[IO[str]]:
    """Where predictions go: the terminal, or a file that is written whole or not at all."""
    if path is None:
        yield sys.stdout
        return
    from tatami.formats import atomic_path

    with atomic_path(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        yield file


class Tones:
    """Which samples may be inverted against those of training: the first of each tone, and how many there are."""

    def __init__(self) -> None:
        self.first: dict[str, str] = {}
        self.count: dict[str, int] = {}

    def note(self, found: Iterator[Prediction]) -> Iterator[Prediction]:
        """The same predictions, noted as they pass."""
        for prediction in found:
            if prediction.tone:
                self.first.setdefault(prediction.tone, prediction.sample)
                self.count[prediction.tone] = self.count.get(prediction.tone, 0) + 1
            yield prediction

    def say(self, inverted: bool) -> None:
        """Say so once for each tone: on stderr, for people."""
        for tone, contrast in (("brighter", "dark on light"), ("darker", "light on dark")):
            if tone in self.first:
                one = self.count[tone] == 1
                those = f"{self.first[tone]} is" if one else f"{self.first[tone]} and {self.count[tone] - 1} more are"
                question = f"if {'it is' if one else 'they are'} {contrast}, try --invert"
                advice = "try without --invert" if inverted else question
                typer.echo(f"note: {those} much {tone} than the training images; {advice}", err=True)
