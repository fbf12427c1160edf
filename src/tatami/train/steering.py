"""What a training is told while it runs: to pause, take a single step, go on or stop.

A training asks between two steps, and never waits for an answer. Who tells it, a signal, a thread or another process,
is not its concern: :class:`Commands` takes words from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Literal, TypeAlias, get_args

Command: TypeAlias = Literal["pause", "step", "go", "stop"]
COMMANDS: tuple[Command, ...] = get_args(Command)


class Wish(IntEnum):
    """What a training is to do after the step in hand; of several ranks' wishes the highest counts."""

    GO = 0
    PAUSE = 1
    STOP = 2


Steer: TypeAlias = Callable[[], Wish]
"""Asked before the first step, after each, and again and again during a pause. STOP saves and leaves, as Ctrl-C does.

Each answer GO to a question is for one step: after it the question comes again.
"""


def onward() -> Wish:
    """The :data:`Steer` of a training that only signals end."""
    return Wish.GO


def until(stop: Callable[[], bool]) -> Steer:
    """The :data:`Steer` of a training that ends early once ``stop`` says so."""
    return lambda: Wish.STOP if stop() else Wish.GO


class Commands:
    """A :data:`Steer` that follows commands.

    ``step`` takes one step and pauses behind it; several of them take as many. Nothing is undone by a ``stop``.

    Args:
        next_command: the next command that has come, or None where there is none; never waits.
    """

    def __init__(self, next_command: Callable[[], Command | None]) -> None:
        self._next = next_command
        self._pauses, self._stops, self._owed = False, False, 0

    def __call__(self) -> Wish:
        while not self._stops and (command := self._next()) is not None:
            self._take(command)
        if self._stops:
            return Wish.STOP
        if not self._pauses:
            return Wish.GO
        if self._owed:
            self._owed -= 1
            return Wish.GO
        return Wish.PAUSE

    def _take(self, command: Command) -> None:
        match command:
            case "step":
                self._pauses, self._owed = True, self._owed + 1
            case "stop":
                self._stops = True
            case _:
                self._pauses, self._owed = command == "pause", 0
