"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from tatami.errors import NotationError, OptionError
from tatami.network.layers import Shape
from tatami.notation import ast, parse_value


class Format(StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"


class FitOption(StrEnum):
    """What happens where a size does not fit."""

    crop = "crop"
    error = "error"


FormatOption: TypeAlias = Annotated[Format, typer.Option("--format", help="How to print the result.")]
Bindings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("-D", metavar="NAME=VALUE", help="Bind a free name of the pattern: -D N=2 -D POOL=yes."),
]
FitChoice: TypeAlias = Annotated[
    FitOption,
    typer.Option("--fit", help="Where (W - F + 2P) is not divisible by S: crop the rest and say so, or refuse."),
]


def read_bindings(settings: list[str] | None) -> Mapping[str, ast.Value]:
    """``["N=2", "POOL=yes"]`` as values by name."""
    bindings: dict[str, ast.Value] = {}
    for setting in settings or []:
        name, equals, text = setting.partition("=")
        if not equals or not name.strip() or not text.strip():
            raise OptionError("unreadable -D", got=setting, expected="NAME=VALUE, such as -D N=2")
        try:
            bindings[name.strip()] = parse_value(text)
        except NotationError as error:
            raise OptionError(f"unreadable -D: {error.problem}", got=setting, expected=error.expected) from error
    return bindings


def read_shape(text: str | None) -> Shape | None:
    """``32x32x3`` as (32, 32, 3)."""
    if text is None:
        return None
    if not re.fullmatch(r"\s*\d+(\s*[xX×,]\s*\d+)*\s*", text):
        raise OptionError("unreadable --input", got=text, expected="sizes with an x between, depth last: 32x32x3")
    return tuple(int(size) for size in re.split(r"[xX×,]", text))
