"""Every error that tatami raises on purpose.

One shape for all of them: *where* it happened, the *problem*, what was *got*, what was *expected*, and a *hint*.
``str(error)`` is one line; :class:`NotationError` can also show its text with a caret (:meth:`NotationError.excerpt`).
The command line prints that, without a traceback, and exits with :data:`BAD_INPUT`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

CHECK_FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


class TatamiError(Exception):
    """Base of the hierarchy: catch this to catch all bad input.

    Args:
        problem: what is wrong, as a short clause without a full stop.
        where: the place: ``line 1:14``, a layer's name, or a file.
        got: the offending value, as the user wrote it.
        expected: what would have been accepted.
        hint: what to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        got: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem, self.where, self.got, self.expected, self.hint = problem, where, got, expected, hint
        super().__init__(problem)

    def __str__(self) -> str:
        line = f"{self.where}: {self.problem}" if self.where else self.problem
        if self.got is not None:
            line += f"; got {self.got}"
        if self.expected:
            line += f"; expected {self.expected}"
        if self.hint:
            line += f" (hint: {self.hint})"
        return line


class NotationError(TatamiError):
    """The text of a network does not follow the notation. Knows its line and column (both from 1) and its source."""

    def __init__(
        self,
        problem: str,
        *,
        line: int = 1,
        column: int = 1,
        source: str = "",
        got: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(problem, where=f"line {line}:{column}", got=got, expected=expected, hint=hint)
        self.line, self.column, self.source = line, column, source

    def excerpt(self, width: int = 100) -> str:
        """The offending line with a caret under the column, cut to ``width`` characters around it."""
        lines = self.source.split("\n")
        text = lines[min(self.line, len(lines)) - 1].rstrip("\r")
        start = max(0, min(self.column - 1 - width // 2, len(text) - width))
        # A tab keeps its width when copied, so that the caret stays under its column.
        pad = "".join("\t" if c == "\t" else " " for c in text[start : self.column - 1])
        return f"{text[start : start + width]}\n{pad:<{max(0, self.column - 1 - start)}}^"


class NetworkError(TatamiError):
    """A network that reads well but cannot be: shapes that do not meet, a window that does not fit."""


class DataError(TatamiError):
    """Images, signals or labels that cannot be used. Names the file and the row."""


class RunError(TatamiError):
    """A run directory or a weights file that is missing, incomplete or from another network."""


class OptionError(TatamiError):
    """An option or an argument with a value that makes no sense."""


class NumericError(TatamiError):
    """NaN or infinity arose while computing. Names the step, and the layer where it is known."""


class RankError(TatamiError):
    """Another of the processes that train together is gone, or has failed.

    Args:
        said: whether another process tells the user about it.
        code: with which the command ends.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        got: object = None,
        expected: str | None = None,
        hint: str | None = None,
        said: bool = False,
        code: int = INTERRUPTED,
    ) -> None:
        super().__init__(problem, where=where, got=got, expected=expected, hint=hint)
        self.said, self.code = said, code


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest to ``name``, letter case aside, or None when nothing is close: for *did you mean*."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None
