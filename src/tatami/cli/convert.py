"""``tatami convert``: a network as text, published weights as a weights file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tatami.cli.options import read_shape
from tatami.errors import DataError, OptionError


def command(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="A model.onnx or another NET; or a .safetensors file with torchvision's names."
        ),
    ],
    net: Annotated[
        str | None, typer.Option(metavar="NAME", help="The network of the zoo that the weights are for.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="What to write: .net, .json; or .safetensors.")
    ] = None,
    input: Annotated[
        str | None,
        typer.Option("--input", metavar="SIZES", help="The input's shape, where the network leaves it open."),
    ] = None,
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the classes, one a line, in the order of the scores.")
    ] = None,
) -> None:
    """Write a network, such as a model of ONNX, in the shortest notation that we find, or as JSON.

    With --net, write published weights as a weights file that predict, evaluate, export and train take. Nothing is
    downloaded. ImageNet's mean and standard deviation go along as the preprocessing.
    """
    names = None if classes is None else _lines(classes)
    if net is None and not file.endswith(".safetensors"):
        from tatami.cli.convert_network import convert_network

        convert_network(file, output, read_shape(input), None if names is None else len(names))
        return
    if net is None or output is None:
        missing = "--net" if net is None else "-o"
        raise OptionError(
            f"published weights need {missing}", where=file, expected="--net resnet50 -o resnet50-weights.safetensors"
        )
    from tatami.train.arriving import convert_published

    count = convert_published(file, net, output, names)
    typer.echo(f"wrote {output}: {count:,} values of {net}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise DataError("the names of the classes cannot be read", where=str(path), got=got) from error
