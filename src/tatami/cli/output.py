"""``-o FILE``: what a command prints, in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

import typer


@contextmanager
def output_to(path: Path | None) -> Iterator[None]:
    """Print into the file at ``path``, whole or not at all; to the terminal where it is None.

    A check that fails still leaves its result; any other error leaves nothing.

    Raises:
        RunError: the file cannot be written.
    """
    if path is None:
        yield
        return
    from tatami.formats import atomic_write

    text = StringIO()
    try:
        with redirect_stdout(text):
            yield
    except typer.Exit:
        atomic_write(path, text.getvalue())
        raise
    atomic_write(path, text.getvalue())
