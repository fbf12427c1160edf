"""A layer's sizes as fields of a form, and the layer that other values make: F, S, P, dilation, depth, filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tatami.errors import NotationError, OptionError
from tatami.network import Network, Node, network_program
from tatami.network.layers import Conv, Input, Pool, Shape
from tatami.network.layers.arguments import COUNT, REFUSED, Argument, PerAxis
from tatami.network.layers.base import Context
from tatami.network.layers.windows import Axis, describe_unseen
from tatami.network.values import Scope, evaluate
from tatami.notation import parse_value, print_text

Windowed = Conv | Pool

DEPTH = Argument("depth", COUNT)
FIXED = ("groups", "bias")  # told, and not changed
MOST_WEIGHTS = 5 * 10**6
LABELS = {
    "kernel_size": "F, window",
    "stride": "S, stride",
    "padding": "P, padding",
    "filters": "Filters",
    "dilation": "Dilation",
    "multiplier": "Filters a channel",
    "kind": "Kind",
    "count_pad": "Padding counts",
    "depth": "Input depth",
}


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        name: of the attribute.
        label: what it is called.
        text: its value, as the notation writes it.
        expected: what may stand in it.
        words: the values that it takes where these are words alone.
    """

    name: str
    label: str
    text: str
    expected: str
    words: tuple[str, ...] = ()


def fields_of(layer: Windowed, shape: Shape) -> list[Field]:
    """The fields of a layer over an input of ``shape``."""
    own = [argument for argument in layer.arguments if argument.field not in FIXED]
    fields = [_field(argument, getattr(layer, argument.field)) for argument in own]
    return [*fields, _field(DEPTH, shape[-1])]


def _field(argument: Argument, value: Any) -> Field:
    words = {"kind": ("max", "avg"), "count_pad": ("no", "yes")}.get(argument.field, ())
    return Field(argument.field, LABELS[argument.field], _text(value), argument.kind.expected, words)


def _text(value: Any) -> str:
    """An attribute as the notation writes it: equal values of all axes once."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, tuple):
        return str(value)
    if isinstance(value[0], int):
        return str(value[0]) if len(set(value)) == 1 else "x".join(map(str, value))
    if all(before == after for before, after in value):
        return _text(tuple(before for before, _ in value))
    return str(value[0]) if len(set(value)) == 1 else str(tuple(value))


def changed(layer: Windowed, shape: Shape, texts: Mapping[str, str]) -> tuple[Windowed, Shape]:
    """The layer with other values, and the shape of its input with another depth.

    Args:
        layer: as it stands in the network.
        shape: of its input, (*in, C).
        texts: values of fields by name, as the notation writes them; the others stay.

    Raises:
        OptionError: an unknown field, or a value that is none.
        NetworkError: a size that does not fit: the message has the rule's numbers.
    """
    known = {argument.field: argument for argument in (*layer.arguments, DEPTH) if argument.field not in FIXED}
    values = {name: _read(known, name, text, shape[-1]) for name, text in texts.items()}
    shape = (*shape[:-1], values.pop("depth", shape[-1]))
    given = {argument.field: getattr(layer, argument.field) for argument in layer.arguments} | values
    made = type(layer).from_notation(given, Context((shape,)))
    if isinstance(layer, Conv) and sum(p.size for p in made.parameters(shape).values()) > MOST_WEIGHTS:
        raise OptionError(
            "a layer too large for the page",
            got=f"{sum(p.size for p in made.parameters(shape).values()):,} parameters",
            expected=f"at most {MOST_WEIGHTS:,}",
        )
    made.output_shape(shape)
    return made, shape


def _read(known: Mapping[str, Argument], name: str, text: str, depth: int) -> Any:
    if name not in known:
        raise OptionError("no such setting of this layer", got=name[:40], expected=", ".join(known))
    try:
        value = known[name].kind.read(evaluate(parse_value(text), Scope(text), depth))
    except NotationError:
        value = REFUSED
    if value is REFUSED or known[name].kind.refusal(value) is not None:
        limit = known[name].kind.limit
        raise OptionError(
            f"{LABELS[name]} cannot be this",
            got=repr(text[:40]),
            expected=known[name].kind.expected + (f", up to {limit:,}" if limit else ""),
        )
    return tuple(value) if isinstance(value, PerAxis) else value


def alone(layer: Windowed, shape: Shape, name: str) -> Network:
    """A network of this layer alone."""
    return Network((Node("input", Input(shape), (), shape), Node(name, layer, ("input",), layer.output_shape(shape))))


def line_of(layer: Windowed, shape: Shape) -> str:
    """The layer in the notation, behind its input."""
    return print_text(network_program(alone(layer, shape, f"{layer.keyword.lower()}1")))


def sizes_told(axes: tuple[Axis, ...]) -> list[str]:
    """For each axis the rule with its numbers, and what is left out where it does not divide."""
    told = []
    for axis in axes:
        text = f"(W - F + 2P)/S + 1 = {axis.formula()}"
        if axis.dilation > 1:
            text += f", where F = {axis.extent} spans ({axis.size} - 1)*{axis.dilation} + 1"
        if axis.left_over:
            text += f", rounded down to {axis.output}: {describe_unseen(axis)}"
        told.append(text)
    return list(dict.fromkeys(told))
