"""``tatami inspect``: what a trained network does inside, as a page, a picture or arrays."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tatami.errors import OptionError


class InspectFormat(StrEnum):
    """What is written."""

    html = "html"
    png = "png"
    npz = "npz"


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="What tatami predict takes: pictures, .npz, sample:NAME, -.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PATH", help="page.html, .png or .npz.")],
    sample: Annotated[
        str | None, typer.Option(metavar="3,5", help="Which samples of the files, counted from 0.", show_default=False)
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="Whose score is explained; the predicted one's.", show_default=False),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(metavar="saliency,grad_cam", help="By which methods it is explained; all.", show_default=False),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(metavar="conv1,conv2", help="Which layers are shown; all.", show_default=False)
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="conv3:5", help="Whose receptive field is drawn.", show_default=False)
    ] = None,
    all_units: Annotated[bool, typer.Option("--all-units", help="Every unit of a layer, not only the first.")] = False,
    tsne: Annotated[bool, typer.Option("--tsne", help="Embed the data by t-SNE, too.")] = False,
    samples: Annotated[int, typer.Option(min=2, help="How many of the run's data are looked at.")] = 500,
    invert: Annotated[bool, typer.Option("--invert", help="Black for white: for dark on light.")] = False,
    format: Annotated[
        InspectFormat | None, typer.Option("--format", help="What to write; by the ending of -o unless given.")
    ] = None,
) -> None:
    """Show what a trained network does inside: maps, filters, what scores depend on, dead units, an embedding."""
    kind = format or _by_ending(output)
    from tatami.formats import atomic_write
    from tatami.inspect.inspection import inspect_run
    from tatami.inspect.request import UNITS, Request
    from tatami.views.inspect_methods import METHODS

    request = Request(
        rows=None if sample is None else tuple(_number(part, "--sample") for part in sample.split(",")),
        target=target,
        methods=tuple(METHODS) if methods is None else _names(methods),
        layers=() if layers is None else _names(layers),
        unit=None if unit is None else _unit(unit),
        units_shown=None if all_units else UNITS,
        tsne=tsne,
        data_samples=samples,
    )
    found = inspect_run(run, files, request, inverted=invert, stdin=sys.stdin.buffer if "-" in files else None)
    content: str | bytes
    if kind is InspectFormat.html:
        from tatami.views.inspect_html import inspection_html

        content = inspection_html(found)
    elif kind is InspectFormat.png:
        from tatami.views.inspect_png import inspection_png

        content = inspection_png(found)
    else:
        from tatami.views.inspect_npz import inspection_npz

        content = inspection_npz(found)
    atomic_write(output, content)
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"wrote {output}")


def _by_ending(output: Path) -> InspectFormat:
    known = {".html": InspectFormat.html, ".htm": InspectFormat.html, ".png": InspectFormat.png}
    known[".npz"] = InspectFormat.npz
    found = known.get(output.suffix.lower())
    if found is None:
        raise OptionError(
            "the ending does not say what to write",
            where="-o",
            got=output,
            expected="a name *.html, *.png or *.npz, or --format",
        )
    return found


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


def _number(text: str, option: str) -> int:
    if not text.strip().isdecimal():
        raise OptionError("not a list of numbers", where=option, got=text or "nothing", expected="as 3 or 3,5, from 0")
    return int(text)


def _unit(text: str) -> tuple[str, int]:
    layer, colon, number = text.rpartition(":")
    if not colon or not layer or not number.isdecimal():
        raise OptionError("not a unit", where="--unit", got=text, expected="a layer and a number, as conv3:5")
    return layer, int(number)
