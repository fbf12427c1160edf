"""The options that say how data are read: one list of them, for every command that reads data."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_type_hints

import typer

from tatami.errors import OptionError

if TYPE_CHECKING:
    from tatami.data import DataOptions

MAX_SIZE = 2**16
_PANEL = "Reading the data"


class ColourChoice(StrEnum):
    """Whether pictures become grey or RGB."""

    auto = "auto"
    grey = "grey"
    rgb = "rgb"


class TaskChoice(StrEnum):
    """What labels are."""

    auto = "auto"
    classification = "classification"
    regression = "regression"


def _option(*names: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=_PANEL)


@dataclass(frozen=True)
class Reading:
    """The options as they were given; :meth:`options` reads them. Their meaning: :class:`tatami.data.DataOptions`."""

    size: Annotated[
        str | None, _option("--size", metavar="HxW", help="Resize pictures of a folder to this: 32x32, or 32.")
    ] = None
    colour: Annotated[
        ColourChoice, _option("--colour", "--color", help="Pictures as grey or RGB; grey where all are, unless given.")
    ] = ColourChoice.auto
    length: Annotated[
        str | None,
        _option("--length", metavar="LENGTH", help="Unequal series: pad to the longest, crop to the shortest, or N."),
    ] = None
    task: Annotated[
        TaskChoice, _option("--task", help="Whether labels are classes or the targets of a regression.")
    ] = TaskChoice.auto
    label: Annotated[str | None, _option("--label", metavar="COLUMN", help="Column of the labels, in a table.")] = None
    group: Annotated[
        str | None, _option("--group", help="What belongs together: a table's column, or a pattern for file names.")
    ] = None
    series: Annotated[
        str | None, _option("--series", metavar="COLUMN", help="Long tables: which series a row belongs to.")
    ] = None
    time: Annotated[
        str | None,
        _option(
            "--time", "--time-column", metavar="COLUMN", help="Long tables: by what the rows of a series are ordered."
        ),
    ] = None
    strict: Annotated[
        bool, _option("--strict", help="Refuse what would otherwise be left out or mended, and said so.")
    ] = False

    def options(self) -> DataOptions:
        """The settings of :func:`tatami.data.load`.

        Raises:
            OptionError: a size or a length that is none.
        """
        from tatami.data import DataOptions

        return DataOptions(
            size=read_size(self.size),
            colour=self.colour.value,
            length=read_length(self.length),
            task=self.task.value,
            label=self.label,
            group=self.group,
            series=self.series,
            time=self.time,
            strict=self.strict,
        )


def reads_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, in place of its parameter ``reading: Reading``, the options of :class:`Reading` one by one.

    Where the command has an option of the same name, that is meant, and the one of :class:`Reading` keeps its other.
    """
    hints = get_type_hints(command, include_extras=True)
    own = inspect.signature(command).parameters.values()
    parameters = [p.replace(annotation=hints[p.name]) for p in own if p.name != "reading"]
    taken = {option for p in parameters for option in _options_of(p.annotation)}
    kinds = {name: _without(taken, kind) for name, kind in get_type_hints(Reading, include_extras=True).items()}
    names = [field.name for field in fields(Reading)]
    parameters += [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=kinds[f.name])
        for f in fields(Reading)
    ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        reading = Reading(**{name: given.pop(name) for name in names})
        command(**given, reading=reading)

    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options


def _options_of(kind: Any) -> list[str]:
    """The names of the option that a parameter is; typer keeps the first one where its default would be."""
    infos = [each for each in getattr(kind, "__metadata__", ()) if hasattr(each, "param_decls")]
    names = [name for info in infos for name in (info.default, *(info.param_decls or ()))]
    return [name for name in names if isinstance(name, str) and name.startswith("-")]


def _without(taken: set[str], kind: Any) -> Any:
    """The parameter of a command, without the names of options that it has already."""
    given, info = get_args(kind)
    left = copy.copy(info)
    left.default, *left.param_decls = [name for name in _options_of(kind) if name not in taken]
    return Annotated[given, left]


def read_size(text: str | None) -> tuple[int, int] | None:
    """``32x48`` as (32, 48), height first; ``32`` as (32, 32).

    Raises:
        OptionError: neither.
    """
    if text is None:
        return None
    sizes = [int(size) for size in re.split("[xX×]", text)] if re.fullmatch(r"\d{1,6}([xX×]\d{1,6})?", text) else []
    if not sizes or not all(1 <= size <= MAX_SIZE for size in sizes):
        raise OptionError(
            "unreadable --size", got=text, expected=f"HEIGHTxWIDTH, such as 32x32, each from 1 to {MAX_SIZE:,}"
        )
    return sizes[0], sizes[-1]


def read_length(text: str | None) -> Literal["longest", "shortest"] | int | None:
    """``longest``, ``shortest``, or a number of steps.

    Raises:
        OptionError: neither.
    """
    if text is None:
        return None
    if text == "longest":
        return "longest"
    if text == "shortest":
        return "shortest"
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < 1:
        raise OptionError("unreadable --length", got=text, expected="longest, shortest, or a number of steps")
    return int(text)
