"""The process that trains for the page: an ordinary training, told by a pipe what to do.

It never depends on the page. Commands come through the pipe; when its other end is gone, with the server, the training
is saved as on Ctrl-C.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tatami.errors import TatamiError
from tatami.train import TrainConfig, resume, train
from tatami.train.events import Event
from tatami.train.steering import Command, Commands
from tatami.web.failures import failure_json
from tatami.web.line import Line, read_line
from tatami.web.training_insight import EVERY, Insights


@dataclass(frozen=True)
class Task:
    """What a process is to train.

    Attributes:
        run: a directory, empty for a new training.
        line: the network of a new training; None to go on with the run.
        config: settings of a new training.
        commands: that come before its first step.
        every: seconds between two insights at least.
    """

    run: Path
    line: Line | None = None
    config: TrainConfig | None = None
    commands: tuple[Command, ...] = ()
    every: float = EVERY


def work(task: Task, pipe: Connection) -> None:
    """The main function of the process. What was refused goes back through the pipe, as the page is to be told it."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C in the terminal is the server's, which tells us to stop
    steer = Commands(heard(pipe, task.commands))
    insights = Insights(task.every)
    failure: dict[str, Any] | None = None
    try:
        if task.line is not None and task.config is not None:
            source = read_line(task.line).source
            train(source, task.config, task.run, _nothing, steer=steer, watch=insights)
        else:
            resume(task.run, _nothing, steer=steer, watch=insights)
    except TatamiError as error:
        failure = failure_json(error)["error"]
    if failure is not None:
        try:
            pipe.send(failure)
        except OSError:  # the server is gone
            return


def heard(pipe: Connection, first: tuple[Command, ...] = ()) -> Callable[[], Command | None]:
    """The commands that come through the pipe, one a call, behind the first ones; its end is a ``stop``."""
    waiting: deque[Command] = deque(first)

    def listen() -> None:
        while True:
            try:
                waiting.append(pipe.recv())
            except (EOFError, OSError):
                waiting.append("stop")
                return

    # In a thread, because to ask a pipe takes longer than a step of a small network.
    threading.Thread(target=listen, name="commands", daemon=True).start()
    return lambda: waiting.popleft() if waiting else None


def _nothing(event: Event) -> None:
    pass
