"""The lines of a forward pass: one for each group of layers, and few variables."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH = 96  # of a line without its indentation
_GROUP = 5  # layers in one line


@dataclass(frozen=True)
class Step:
    """One expression: ``{0}``, ``{1}`` stand for its inputs.

    Attributes:
        name, inputs: of what comes out, and of what goes in.
        call: the expression.
        begins: whether a line begins with it.
    """

    name: str
    inputs: tuple[str, ...]
    call: str
    begins: bool = False


def statements(steps: Sequence[Step], source: str, last: str = "return {}") -> list[str]:
    """Lines that go from ``x``, the value ``source``, to the last step's.

    Args:
        steps: in order.
        source: the name of what goes in.
        last: what is done with the last value.
    """
    readers: dict[str, list[Step]] = {}
    for step in steps:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    uses = {name: len(found) for name, found in readers.items()}
    variables = {source: "x"}
    lines: list[str] = []
    done: set[str] = set()
    for step in steps:
        if step.name in done:
            continue
        text, end = _group(step, readers, step.call.format(*(variables[name] for name in step.inputs)), done)
        for name in step.inputs:
            uses[name] -= 1
        # A variable that nobody needs any more is used again.
        free = [variables.pop(name) for name in dict.fromkeys(step.inputs) if not uses[name]]
        if end == steps[-1].name:
            return [*lines, last.format(text)]
        taken = set(variables.values())
        variables[end] = free[0] if free else next(name for name in _NAMES if name not in taken)
        lines.append(f"{variables[end]} = {text}")
    return [last.format("x")]


def _group(step: Step, readers: dict[str, list[Step]], text: str, done: set[str]) -> tuple[str, str]:
    """The expression of ``step`` with those layers around it that may stand in its line; and the last one's name."""
    done.add(step.name)
    for _ in range(_GROUP - 1):
        following = readers.get(step.name, [])
        if len(following) != 1 or following[0].begins or len(following[0].inputs) > 1:
            break
        longer = _around(following[0].call, text, is_sum=len(step.inputs) > 1)
        if len(longer) > _WIDTH:
            break
        text, step = longer, following[0]
        done.add(step.name)
    return text, step.name


def _around(call: str, text: str, *, is_sum: bool) -> str:
    """``text`` in the place of ``{0}``, in brackets where it is a sum that the call would break."""
    is_enclosed = "({0})" in call or "({0}, " in call
    return call.format(f"({text})" if is_sum and not is_enclosed else text)


_LETTERS = [c for c in string.ascii_lowercase if c not in "xl"]
_NAMES = ["x", *_LETTERS, *(f"{c}{i}" for i in range(1, 1000) for c in _LETTERS)]
