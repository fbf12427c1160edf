"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, TypeAlias

import typer

from tatami.errors import NotationError, OptionError
from tatami.network.layers import Shape
from tatami.notation import ast, parse, parse_value, print_text, print_value
from tatami.plan.family import MAX_MEMBERS


class Format(StrEnum):
    """How a result is printed."""

    table = "table"
    json = "json"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    markdown = "markdown"
    html = "html"


class FitOption(StrEnum):
    """What happens where a size does not fit."""

    crop = "crop"
    error = "error"


FormatOption: TypeAlias = Annotated[Format, typer.Option("--format", help="How to print the result.")]
Bindings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("-D", metavar="NAME=VALUE", help="Bind a free name of the pattern: -D N=2 -D POOL=yes."),
]
FamilyBindings: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("-D", metavar="NAME=VALUES", help="Bind a free name: -D N=2, or a family: -D N=0..3 -D W=32,64."),
]
FitChoice: TypeAlias = Annotated[
    FitOption,
    typer.Option("--fit", help="Where (W - F + 2P) is not divisible by S: crop the rest and say so, or refuse."),
]


def read_bindings(settings: list[str] | None) -> Mapping[str, ast.Value]:
    """``["N=2", "POOL=yes"]`` as values by name."""
    return {name: _value(text, setting) for name, text, setting in _named(settings, "NAME=VALUE, such as -D N=2")}


def read_choices(settings: list[str] | None) -> dict[str, list[ast.Value]]:
    """``["N=0..3", "W=32,64", "POOL=yes,no"]`` as lists of values by name.

    Commas part the choices, and ``a..b`` stands for every whole number from a to b. Commas within brackets belong to
    one value: ``K={2,2},{3,3}`` are two choices.

    Raises:
        OptionError: unreadable, a range that is empty or longer than any family may be.
    """
    expected = "NAME=VALUES, such as -D N=2, -D N=0..3 or -D W=32,64"
    return {
        name: [value for part in _split(text) for value in _choices(part, setting)]
        for name, text, setting in _named(settings, expected)
    }


def _named(settings: list[str] | None, expected: str) -> Iterator[tuple[str, str, str]]:
    """Name, text of the value, and both as given."""
    seen: set[str] = set()
    for setting in settings or []:
        end = _end_of_choice(setting)
        before, equals, text = setting[end:].partition("=")
        name = before.strip() if not end else _choice(setting[:end], setting) if not before.strip() else ""
        if not equals or not name or not text.strip():
            raise OptionError("unreadable -D", got=setting, expected=expected)
        if name in seen:
            raise OptionError(f"{name} is bound twice", got=setting, expected="one -D for each name")
        seen.add(name)
        yield name, text, setting


def _end_of_choice(setting: str) -> int:
    """Where the name ``{a|b}`` ends, in which there may be equals signs; 0 for any other name."""
    depth = 0
    for i, character in enumerate(setting if setting.lstrip().startswith("{") else ""):
        depth += (character == "{") - (character == "}")
        if character == "}" and depth == 0:
            return i + 1
    return 0


def _choice(text: str, setting: str) -> str:
    """The name of a choice as the network has it, however it is spaced."""
    try:
        return print_text(parse(text))
    except NotationError:
        return print_value(_value(text, setting))


def _value(text: str, setting: str) -> ast.Value:
    try:
        return parse_value(text)
    except NotationError as error:
        raise OptionError(f"unreadable -D: {error.problem}", got=setting, expected=error.expected) from error


def _split(text: str) -> list[str]:
    """The parts between commas that are in no bracket."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "{(") - (character in ")}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _choices(part: str, setting: str) -> list[ast.Value]:
    first, dots, last = part.partition("..")
    if not dots:
        return [_value(part, setting)]
    if not (re.fullmatch(r"\s*\d{1,12}\s*", first) and re.fullmatch(r"\s*\d{1,12}\s*", last)):
        raise OptionError("unreadable range in -D", got=setting, expected="two whole numbers, as in 0..3")
    length = int(last) - int(first) + 1
    if length < 1:
        raise OptionError("an empty range in -D", got=setting, expected="the smaller number first, as in 0..3")
    if length > MAX_MEMBERS:
        raise OptionError(f"a range of {length:,} values", got=setting, expected=f"at most {MAX_MEMBERS:,}")
    return [ast.Number(number) for number in range(int(first), int(last) + 1)]


def read_shape(text: str | None) -> Shape | None:
    """``32x32x3`` as (32, 32, 3)."""
    if text is None:
        return None
    if not re.fullmatch(r"\s*\d+(\s*[xX×,]\s*\d+)*\s*", text):
        raise OptionError("unreadable --input", got=text, expected="sizes with an x between, depth last: 32x32x3")
    return tuple(int(size) for size in re.split(r"[xX×,]", text))
