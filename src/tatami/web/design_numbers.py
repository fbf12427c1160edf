"""Every number of a line, with where it stands, what it means and how far a slider for it should reach."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tatami.errors import NotationError
from tatami.network.layers import LAYERS
from tatami.network.layers.arguments import BEHIND, COUNT, FRACTION, RATE, SIZES, Argument
from tatami.notation.lexer import Token, tokenize
from tatami.web.failures import offset_in_browser

# How far a slider reaches at least, by the attribute that it sets: most networks keep within this.
_USUAL = {
    **{"filters": 128, "units": 512, "kernel_size": 11, "stride": 4, "padding": 5, "dilation": 4, "groups": 16},
    "shape": 64,
}
_USUAL_COUNT, _USUAL_OTHER, _USUAL_DEPTH = 6, 8, 4


@dataclass(frozen=True)
class NumberAt:
    """A number of the text.

    Attributes:
        start, end: its place, in UTF-16 units.
        value: the number.
        label: what it is: ``CONV filters``, ``repeat``.
        low, high, step: of a slider.
    """

    start: int
    end: int
    value: float
    label: str
    low: float
    high: float
    step: float


@dataclass
class _Bracket:
    """An open bracket: what stands before it, and where in it we are."""

    sign: str
    name: str = ""
    values: int = 0  # without a key, before this one
    key: str | None = None
    counts: bool = False  # behind the star of a repeat


def numbers_in(text: str) -> list[NumberAt]:
    """The numbers in reading order; none of a text that has an unreadable character. It need not be a network."""
    try:
        tokens = tokenize(text)
    except NotationError:
        return []
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found = []
    for token, brackets, counts in _in_brackets(tokens):
        at = starts[token.position.line - 1] + token.position.column - 1
        parts = list(re.finditer(r"[\d.]+(?:[eE][+-]?\d+)?", token.text)) if token.kind != "sizes" else []
        parts = parts or list(re.finditer(r"\d+", token.text))
        argument, label = _meaning(brackets, counts)
        for i, part in enumerate(parts):
            start, end = (offset_in_browser(text, at + place) for place in part.span())
            if argument is not None and argument.field == "shape":
                label = _side(i, len(parts))
            found.append(_slider(start, end, part.group(), label, argument, counts))
    return found


def _side(place: int, count: int) -> str:
    """What the number at a place of INPUT's sizes is, depth last."""
    sides = {2: ("length",), 3: ("height", "width")}.get(count, ("size",) * (count - 1))
    return f"INPUT {(*sides, 'depth')[place]}"


def _in_brackets(tokens: list[Token]) -> Iterator[tuple[Token, list[_Bracket], bool]]:
    """Each number with the brackets around it, and whether it counts turns of a repeat."""
    brackets: list[_Bracket] = []
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        top = brackets[-1] if brackets else None
        in_arguments = any(bracket.sign == "(" for bracket in brackets)
        is_starred = before is not None and before.kind == "*" and not in_arguments
        match token.kind:
            case "(" | "{" | "[":
                name = before.text if before is not None and before.kind == "name" and token.kind != "{" else ""
                counts = is_starred or (token.kind == "{" and top is not None and top.counts)
                brackets.append(_Bracket(token.kind, name, counts=counts))
            case ")" | "}" | "]":
                brackets = brackets[:-1]
            case "," if top is not None:
                top.values += top.key is None
                top.key = None
            case "name" if top is not None and after is not None and after.kind == "=":
                top.key = token.text
            case "number" | "sizes":
                yield token, brackets, is_starred or (top is not None and top.counts)


def _meaning(brackets: list[_Bracket], counts: bool) -> tuple[Argument | None, str]:
    """The argument that a number sets, if it is known, and what to call it."""
    if counts:
        return None, "repeat"
    call = next((bracket for bracket in reversed(brackets) if bracket.name and bracket.sign == "("), None)
    if call is None:
        return None, "number"
    cls = LAYERS.get(call.name.upper())
    if cls is None:
        return None, f"{call.name} {call.key or call.values + 1}"
    if call.key is not None:
        key = call.key.casefold()
        known = [a for a in cls.arguments if key in {a.field.casefold(), *map(str.casefold, a.keys)}]
    else:
        # Words find their own place: POOL(avg, 3) is POOL(3, avg).
        positional = [a for a in cls.arguments if a.positional and not a.kind.words]
        known = positional[min(call.values, len(positional) - 1) :] if positional else []
    argument = known[0] if known else None
    return argument, f"{cls.keyword} {argument.field.replace('_', ' ') if argument else call.key or call.values + 1}"


def _slider(start: int, end: int, text: str, label: str, argument: Argument | None, counts: bool) -> NumberAt:
    value = float(text)
    if argument is not None and argument.kind in (RATE, FRACTION):
        return NumberAt(start, end, value, label, 0, 1 if argument.kind is FRACTION else 0.95, 0.05)
    if not text.isdigit():
        step = 10.0 ** -min(len(text.partition(".")[2]) or 2, 6)
        return NumberAt(start, end, value, label, 0, max(1.0, 2 * value), step)
    low = 1 if argument is not None and argument.kind in (COUNT, SIZES, BEHIND) else 0
    usual = _USUAL_COUNT if counts else _USUAL.get(argument.field, _USUAL_OTHER) if argument else _USUAL_OTHER
    usual = _USUAL_DEPTH if label.endswith(" depth") else usual
    return NumberAt(start, end, value, label, low, max(usual, 2 * value), 1)
