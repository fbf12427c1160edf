"""``tatami export``: a trained network for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class ExportFormat(StrEnum):
    """What is written: one file, or a folder with a program and its weights."""

    onnx = "onnx"
    torch = "torch"
    keras = "keras"


class Layout(StrEnum):
    """How maps lie where they come in and go out."""

    nchw = "nchw"
    nhwc = "nhwc"


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory or its .safetensors file.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PATH", help="model.onnx, or a folder.")],
    format: Annotated[
        ExportFormat | None, typer.Option("--format", help="What to write; by the ending of -o unless given.")
    ] = None,
    layout: Annotated[Layout, typer.Option(help="ONNX: maps at the border, channels first or last.")] = Layout.nchw,
    preprocess: Annotated[
        bool, typer.Option("--preprocess", help="ONNX: with resizing, scale and standardisation, for raw samples.")
    ] = False,
    opset: Annotated[int | None, typer.Option(metavar="N", help="ONNX: the version of its operators; 18.")] = None,
) -> None:
    """Write the best weights of a run with their network: for ONNX Runtime, or as a program for PyTorch or Keras."""
    from tatami.train.leaving import export

    export(run, output, format=format, layout=layout.value, preprocess=preprocess, opset=opset)
    typer.echo(f"wrote {output}")
