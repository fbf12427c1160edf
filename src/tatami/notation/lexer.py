"""Text -> tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tatami.errors import NotationError
from tatami.notation.ast import Position

MAX_CHARACTERS = 100_000
MAX_DIGITS = 12

# Order matters: a size (3x3) before a number, an arrow before a minus, // before /.
_TOKEN = re.compile(
    r"""
    (?P<space>   [ \t\r\f\u3000]+ | \#[^\n]* )
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
            if any(len(digits) > MAX_DIGITS for digits in re.findall(r"\d+", text)) and kind != "name":
                raise NotationError(
                    "number too long",
                    line=position.line,
                    column=position.column,
                    source=source,
                    got=text if len(text) <= 30 else text[:27] + "...",
                    expected=f"at most {MAX_DIGITS} digits",
                )
            tokens.append(Token(kind, text, position))
        at = match.end()
    tokens.append(Token("end", "", Position(line, at - line_start + 1)))
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
    return NotationError(
        "unreadable character" if len(got) == 1 else "unreadable number",
        line=position.line,
        column=position.column,
        source=source,
        got=repr(got),
        hint=hint,
    )
