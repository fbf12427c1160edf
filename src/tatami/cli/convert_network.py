"""``tatami convert`` of a network: a model of ONNX, or any other NET, as text or JSON."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from tatami.cli.output import output_to
from tatami.errors import OptionError
from tatami.exchange.source import ModelSource, open_network
from tatami.network import network_json
from tatami.network.fold import fold
from tatami.network.layers import Shape, size_text
from tatami.network.netfile import SUFFIX
from tatami.notation.wrap import print_lines

JSON_SUFFIX = ".json"


def convert_network(net: str, output: Path | None, input_shape: Shape | None, classes: int | None) -> None:
    """Write a network in the shortest notation that we find, or as JSON by the ending of ``output``.

    Raises:
        TatamiError: no such network, or one that the notation cannot say.
        OptionError: another ending.
    """
    if output is not None and output.suffix not in (SUFFIX, JSON_SUFFIX):
        expected = f"{SUFFIX} for notation, {JSON_SUFFIX} for JSON"
        raise OptionError("a network is not written in this form", where="-o", got=str(output), expected=expected)
    source = open_network(net, input_shape=input_shape)
    network = source.build(input_shape, classes)
    with output_to(output):
        if output is not None and output.suffix == JSON_SUFFIX:
            typer.echo(json.dumps(network_json(network), indent=1))
            return
        text = print_lines(fold(network))
        head = [f"# title: {source.name}", f"# input: {size_text(network.input_shape)}"]
        typer.echo("\n".join([*(head if output is not None else []), text]))
    if isinstance(source, ModelSource):
        for note in source.notes:
            typer.echo(f"note: {note}", err=True)
