"""``.net`` files: a network's text under a head of comments, one ``# key: value`` a line.

``title`` and ``source`` say what it is; ``input`` and ``classes`` are what a bare INPUT and a bare last FC stand for
when nothing else says so. Other comments are notes. The zoo is made of such files, and every run keeps one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tatami.errors import NetworkError
from tatami.network.layers import Dense, Input, Shape, size_text
from tatami.notation import ast, print_text

SUFFIX = ".net"
MAX_BYTES = 1_000_000
_HEAD = re.compile(r"#\s*(title|source|input|classes):\s*(.*\S)\s*")


@dataclass(frozen=True)
class NetFile:
    """A network's text, not parsed yet, and what its head says.

    Attributes:
        name: the file's name without suffix; the zoo calls the network so.
        text: the notation, its comments included.
        title: the network's name in print, ``VGG-16``.
        source: where it was published.
        input_shape: what a bare INPUT stands for, or None.
        classes: what a bare last FC stands for, or None.
        file: the path or file name that errors shall name; empty for a text of no file.
    """

    name: str
    text: str
    title: str = ""
    source: str = ""
    input_shape: Shape | None = None
    classes: int | None = None
    file: str = ""


def parse_netfile(name: str, text: str, file: str = "") -> NetFile:
    """Read the head of a ``.net`` file.

    Raises:
        NetworkError: an ``input`` or ``classes`` that is no size.
    """
    where = file or f"{name}{SUFFIX}"
    head = {match[1]: match[2] for match in map(_HEAD.fullmatch, text.splitlines()) if match}
    if "input" in head and not re.fullmatch(r"[1-9]\d{0,8}(x[1-9]\d{0,8})*", head["input"]):
        raise NetworkError("unreadable input", where=where, got=head["input"], expected="# input: 32x32x3")
    if "classes" in head and not re.fullmatch(r"[1-9]\d{0,8}", head["classes"]):
        raise NetworkError("unreadable classes", where=where, got=head["classes"], expected="# classes: 10")
    shape = tuple(map(int, head["input"].split("x"))) if "input" in head else None
    classes = int(head["classes"]) if "classes" in head else None
    try:
        Input(shape or (1,))
        Dense(classes or 1)
    except NetworkError as error:
        raise NetworkError(error.problem, where=where, got=error.got, expected=error.expected) from error
    return NetFile(
        name=name,
        text=text,
        title=head.get("title", ""),
        source=head.get("source", ""),
        input_shape=shape,
        classes=classes,
        file=file,
    )


def read_netfile(path: Path) -> NetFile:
    """Read a ``.net`` file from disk.

    Raises:
        NetworkError: missing, too large, not text, or with an unreadable head.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise NetworkError("too large for a network", where=str(path), expected=f"at most {MAX_BYTES:,} bytes")
        return parse_netfile(path.stem, data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise NetworkError("not UTF-8 text", where=str(path)) from error
    except OSError as error:
        raise NetworkError("cannot be read", where=str(path), got=error.strerror) from error


def print_netfile(program: ast.Program, title: str, input_shape: Shape, classes: int | None) -> str:
    """The text of a ``.net`` file that stands alone: ``program`` with its sizes in the head."""
    head = [f"# title: {title}", f"# input: {size_text(input_shape)}"]
    if classes is not None:
        head.append(f"# classes: {classes}")
    return "\n".join([*head, print_text(program), ""])
