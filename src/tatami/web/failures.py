"""Errors as the page is told of them: the parts of a :class:`TatamiError`, and where in the line it points."""

from __future__ import annotations

import re
from typing import Any

from tatami.errors import NotationError, TatamiError

_WORD = re.compile(r"\w[\w.]*|->|\S")  # what stands at an error's place, and is underlined


def failure_json(error: TatamiError) -> dict[str, Any]:
    """``{"error": {text, problem, where, got, expected, hint, start, end}}``.

    ``start`` and ``end`` are offsets in the text of the notation, counted in UTF-16 units, as browsers count; None for
    an error of something else.
    """
    parts: dict[str, Any] = {
        "text": str(error),
        "problem": error.problem,
        "where": error.where,
        "got": None if error.got is None else str(error.got),
        "expected": error.expected,
        "hint": error.hint,
        "start": None,
        "end": None,
    }
    if isinstance(error, NotationError):
        parts["start"], parts["end"] = span_in_browser(error)
    return {"error": parts}


def offset_in_browser(text: str, at: int) -> int:
    """The offset ``at``, of characters, in UTF-16 units."""
    return at if text.isascii() else at + sum(ord(character) > 0xFFFF for character in text[:at])


def span_in_browser(error: NotationError) -> tuple[int, int]:
    """From the place of the error to the end of the word there, in UTF-16 units; empty at the end of the text."""
    text = error.source
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: error.line - 1]) + error.column - 1
    start = min(start, len(text))
    word = _WORD.match(text, start)
    end = word.end() if word is not None else start
    return offset_in_browser(text, start), offset_in_browser(text, end)
