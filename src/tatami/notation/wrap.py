"""Long texts of the notation in lines that are read easily: line breaks mean nothing to the parser."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tatami.notation import ast
from tatami.notation.printer import print_text

WIDTH = 110
_INDENT = "  "


def print_lines(program: ast.Program, width: int = WIDTH) -> str:
    """The text of ``program``, its lines broken before arrows and bars; a blank line behind the blocks.

    ``parse(print_lines(program)) == program``. A single item longer than ``width`` stays in one line.
    """
    lines = print_text(program).split("\n")
    wrapped = ["\n".join(_wrapped(line, width)) for line in lines]
    return "\n".join([*wrapped[:-1], *([""] if len(wrapped) > 1 else []), wrapped[-1]])


def _wrapped(line: str, width: int) -> Iterator[str]:
    current = ""
    for piece in re.split(r" (?=-> |\| )", line):
        if current and len(current) + 1 + len(piece) > width:
            yield current
            current = _INDENT + piece
        else:
            current = f"{current} {piece}" if current else piece
    yield current
