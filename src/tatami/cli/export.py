"""``tatami export``: a trained network for other programs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tatami.errors import OptionError


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
    layout: Annotated[Layout, typer.Option(help="Maps at the border: channels first, or last.")] = Layout.nchw,
    preprocess: Annotated[
        bool, typer.Option("--preprocess", help="With resizing, scale and standardisation: raw samples go in.")
    ] = False,
    opset: Annotated[int | None, typer.Option(metavar="N", help="The version of ONNX's operators.")] = None,
) -> None:
    """Write the best weights of a run with their network: for ONNX Runtime, or as a program for PyTorch or Keras."""
    from tatami.train.leaving import parcel_of_run

    kind = _format_of(output, format)
    parcel = parcel_of_run(run)
    if kind is ExportFormat.onnx:
        from tatami.exchange.onnx.library import need_onnx

        need_onnx()
        from tatami.exchange.onnx.writing import OPSET, save_onnx

        save_onnx(parcel, output, layout=layout.value, preprocess=preprocess, opset=OPSET if opset is None else opset)
    else:
        _need_no_options(layout, preprocess, opset, kind)
        from tatami.exchange.keras.writing import save_keras
        from tatami.exchange.torch.writing import save_torch

        (save_torch if kind is ExportFormat.torch else save_keras)(parcel, output)
    typer.echo(f"wrote {output}")


def _format_of(output: Path, given: ExportFormat | None) -> ExportFormat:
    if given is not None:
        return given
    if output.suffix.lower() == ".onnx":
        return ExportFormat.onnx
    raise OptionError(
        "the ending does not say what to write",
        where="-o",
        got=str(output),
        expected="model.onnx, or --format torch or keras",
    )


def _need_no_options(layout: Layout, preprocess: bool, opset: int | None, kind: ExportFormat) -> None:
    """A program always has its preprocessing, and its framework's layout."""
    for name, is_given in (
        ("layout", layout is not Layout.nchw),
        ("preprocess", preprocess),
        ("opset", opset is not None),
    ):
        if is_given:
            raise OptionError(f"--{name} belongs to ONNX", got=f"--format {kind.value}", expected="--format onnx")
