"""Text -> tokens."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from tatami.errors import NotationError
from tatami.notation.ast import Position

MAX_CHARACTERS = 100_000
MAX_DIGITS = 12  # of a whole number

# Order matters: a size (3x3) before a number, an arrow before a minus, // before /.
_TOKEN = re.compile(
    r"""
    (?P<space>   (?: [^\S\n] | \ufeff )+ | \#[^\n]* )
  | (?P<newline> \n )
  | (?P<sizes>   \d+ (?: [ ]*[xX×][ ]*\d+ )+ (?![\w.]) )
  | (?P<number>  (?: \d+\.\d* | \.\d+ | \d+ ) (?: [eE][+-]?\d+ )? (?![\w.]) )
  | (?P<name>    [^\W\d]\w* )
  | (?P<arrow>   -> | → )
  | (?P<symbol>  // | [()\[\]{},=|*?+\-/%;×] )
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Token:
    """``kind`` is ``sizes``, ``number``, ``name``, ``end``, or the symbol itself (an arrow is ``->``)."""

    kind: str
    text: str
    position: Position

    def __str__(self) -> str:
        return "the end of the text" if self.kind == "end" else repr(self.text)


def tokenize(source: str) -> list[Token]:
    """The tokens of ``source``, ended by one of kind ``end``.

    Raises:
        NotationError: at a character that begins no token, or when the text is longer than ``MAX_CHARACTERS``.
    """
    if len(source) > MAX_CHARACTERS:
        raise NotationError("text too long", got=f"{len(source):,} characters", expected=f"at most {MAX_CHARACTERS:,}")
    tokens: list[Token] = []
    at, line, line_start = 0, 1, 0
    end = Position()  # behind the last token: where something missing is missed
    while at < len(source):
        position = Position(line, at - line_start + 1)
        match = _TOKEN.match(source, at)
        if match is None or match.lastgroup is None:
            raise _unreadable(source, at, position)
        kind, text = match.lastgroup, match.group()
        if kind == "newline":
            line, line_start = line + 1, match.end()
        elif kind == "arrow":
            tokens.append(Token("->", text, position))
        elif kind == "symbol":
            tokens.append(Token("*" if text == "×" else text, text, position))
        elif kind != "space":
            is_whole = kind == "sizes" or (kind == "number" and text.isdigit())
            if is_whole and any(len(digits) > MAX_DIGITS for digits in re.findall(r"\d+", text)):
                raise _failure(source, position, "number too long", text, expected=f"at most {MAX_DIGITS} digits")
            if kind == "number" and math.isinf(float(text)):
                raise _failure(source, position, "number too large", text)
            tokens.append(Token(kind, text, position))
        at = match.end()
        if kind not in {"space", "newline"}:
            end = Position(line, at - line_start + 1)
    tokens.append(Token("end", "", end))
    return tokens


def _unreadable(source: str, at: int, position: Position) -> NotationError:
    run = re.match(r"[\w.]+|.", source[at:])
    got = run.group() if run else source[at]
    hint = None
    if got[0].isdigit():
        hint = "sizes are written 32x32x3, a name cannot begin with a digit"
    elif got in "=>–—":
        hint = "layers are joined by ->"
    elif got in "\"'`":
        hint = "names stand without quotation marks"
    problem = "unreadable character" if len(got) == 1 else "unreadable number"
    return _failure(source, position, problem, repr(got), hint=hint)


def _failure(
    source: str, at: Position, problem: str, got: str, *, expected: str | None = None, hint: str | None = None
) -> NotationError:
    got = got if len(got) <= 30 else got[:27] + "..."
    return NotationError(problem, line=at.line, column=at.column, source=source, got=got, expected=expected, hint=hint)
