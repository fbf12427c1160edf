"""``tatami convert``: published weights for a network of the zoo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tatami.errors import DataError


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors file with torchvision's names.")],
    net: Annotated[str, typer.Option(metavar="NAME", help="The network of the zoo that the weights are for.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The weights file to write.")],
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Names of the classes, one a line, in the order of the scores.")
    ] = None,
) -> None:
    """Write published weights as a weights file that predict, evaluate, export and train take.

    Nothing is downloaded. ImageNet's mean and standard deviation go along as the preprocessing.
    """
    from tatami.train.arriving import convert_published

    names = None if classes is None else _lines(classes)
    count = convert_published(file, net, output, names)
    typer.echo(f"wrote {output}: {count:,} values of {net}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        got = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise DataError("the names of the classes cannot be read", where=str(path), got=got) from error
