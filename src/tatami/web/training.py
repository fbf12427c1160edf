"""The training of a server: at most one process that trains, and what the page may ask of it and of any run."""

from __future__ import annotations

import multiprocessing
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from tatami.errors import OptionError, RunError
from tatami.train import TrainConfig
from tatami.train.rewind import kept_epochs, rewind
from tatami.train.run import CONFIG, Run, place
from tatami.train.steering import COMMANDS, Command
from tatami.web.failures import failure_json
from tatami.web.line import Line, read_line
from tatami.web.session import Session
from tatami.web.training_child import Task, work
from tatami.web.training_events import Piece, read_piece
from tatami.web.training_insight import EVERY

KEPT = 20
"""Epochs of a training that the page can rewind to."""

PATIENCE = 60.0
"""Seconds that a training has, told to stop, to save and test what it has."""


@dataclass(frozen=True)
class Settings:
    """How to train. None stands for a default that is found from the data and the network.

    Attributes:
        data: the name of data that the server listed.
        epochs, batch, lr, optimizer, augment, schedule: as in :class:`tatami.train.TrainConfig`.
        seed: the server's unless given.
        pauses: whether it waits before its first step.
    """

    data: str
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    optimizer: str = "adamw"
    augment: str = "auto"
    schedule: str = "onecycle"
    seed: int | None = None
    pauses: bool = False


class Training:
    """A process that trains.

    Attributes:
        path: the run.
        stops: whether it was told to stop.
    """

    def __init__(self, task: Task) -> None:
        self.path, self.stops = task.run, False
        context = multiprocessing.get_context("spawn")
        self._pipe: Connection
        self._pipe, other = context.Pipe()
        # A daemon: should the server end without a word, it is told to save and leave, too.
        self._process: SpawnProcess = context.Process(target=work, args=(task, other), name="training", daemon=True)
        self._process.start()
        other.close()
        self._failure: dict[str, Any] | None = None
        self._reading = threading.Lock()

    @property
    def is_alive(self) -> bool:
        """Whether it still trains, saves or tests."""
        return self._process.is_alive()

    def tell(self, command: Command) -> None:
        """Pass on a command; to one that has ended it means nothing."""
        self.stops = self.stops or command == "stop"
        with suppress(OSError):
            self._pipe.send(command)

    def stop(self, patience: float = PATIENCE) -> bool:
        """Have it save and leave; whether it has, after so many seconds at most."""
        self.tell("stop")
        self._process.join(patience)
        return not self.is_alive

    def failure(self) -> Mapping[str, Any] | None:
        """Why it has failed, as :func:`tatami.web.failures.failure_json` tells it; None where it has not."""
        with self._reading:
            code = self._process.exitcode
            if self._failure is None:
                with suppress(EOFError, OSError):
                    if self._pipe.poll():
                        self._failure = self._pipe.recv()
            if self._failure is None and code:
                ended = f"exit code {code}" if code > 0 else f"signal {-code}"
                hint = "what was saved last is there, and it can go on"
                error = RunError("the training has ended unexpectedly", where=self.path.name, got=ended, hint=hint)
                self._failure = failure_json(error)["error"]
            return self._failure


class Trainings:
    """The training of a session, and its runs. Every method may be called from any thread.

    Args:
        session: says which names there are; closing it stops the training.
        every: seconds between two insights at least.
    """

    def __init__(self, session: Session, every: float = EVERY) -> None:
        self.session, self.every = session, every
        self._lock = threading.RLock()
        self._training: Training | None = None
        session.on_close(self.close)

    @property
    def active(self) -> str | None:
        """The run that is being trained, or None."""
        training = self._training
        return training.path.name if training is not None and training.is_alive else None

    def start(self, line: Line, settings: Settings) -> str:
        """Begin a training; returns the name of its run.

        Raises:
            TatamiError: the line does not read, there are no such data, or a training is under way. What is refused
                later is told as the :meth:`state` of the run.
        """
        data = self.session.data(settings.data)
        read_line(line)
        config = TrainConfig(
            data,
            net=line.text,
            epochs=settings.epochs,
            batch=settings.batch,
            lr=settings.lr,
            optimizer=settings.optimizer,
            augment=settings.augment,
            schedule=settings.schedule,
            seed=self.session.seed if settings.seed is None else settings.seed,
            keep_epochs=KEPT,
        )
        with self._lock:
            self._need_rest()
            run = place(None, Path(settings.data).stem, self.session.runs_folder)
            first: tuple[Command, ...] = ("pause",) if settings.pauses else ()
            return self._launch(Task(run, line, config, first, self.every))

    def command(self, name: str, command: str) -> str:
        """Tell a run to ``pause``, take a ``step``, ``go`` on or ``stop``; returns its name.

        One that is not being trained goes on from where it was saved, for a single step where that is asked.

        Raises:
            OptionError: no such command.
            RunError: no such run, or another is being trained.
        """
        if command not in COMMANDS:
            raise OptionError("no such command", got=repr(command)[:40], expected=", ".join(COMMANDS))
        with self._lock:
            if self.active == name:
                assert self._training is not None
                self._training.tell(command)
            elif command in ("go", "step"):
                self._need_rest()
                self._launch(Task(self.session.run(name), commands=(command,), every=self.every))
            else:
                raise RunError("this run is not being trained", where=name, hint="go on with it first")
            return name

    def rewind(self, name: str, epoch: int) -> str:
        """A new run that is where a run was at the end of an epoch, ready to go on; returns its name.

        A training of the run is stopped, and saved, before.

        Raises:
            RunError: no such run, this epoch was not kept, or the training does not come to its end.
        """
        with self._lock:
            path = self.path(name)
            if self.active == name and self._training is not None and not self._training.stop():
                raise RunError("this training is still at its last step", where=name, hint="try again in a moment")
            return rewind(Run(path), epoch, runs=self.session.runs_folder).path.name

    def state(self, name: str) -> dict[str, Any]:
        """``active``, ``stopping``, ``failure`` of the process that trains a run, and the ``epochs`` that were kept."""
        training = self._training
        if training is None or training.path.name != name:
            training = None
        return {
            "active": training is not None and training.is_alive,
            "stopping": training is not None and training.is_alive and training.stops,
            "failure": None if training is None else training.failure(),
            "kept": kept_epochs(Run(self.path(name))),
        }

    def read(self, name: str, start: int = 0, mark: int = 0) -> Piece:
        """A piece of a run's events: see :func:`tatami.web.training_events.read_piece`.

        Raises:
            RunError: no such run.
        """
        return read_piece(self.path(name), start, mark)

    def path(self, name: str) -> Path:
        """The directory of a run, also of one that has just been started and holds nothing yet.

        Raises:
            RunError: no such run.
        """
        training = self._training
        return training.path if training is not None and training.path.name == name else self.session.run(name)

    def close(self) -> None:
        """Have the training save what it has, and wait for it."""
        with self._lock:
            training = self._training
            if training is not None and training.is_alive:
                print(f"saving {training.path} ...", file=sys.stderr, flush=True)
                training.stop()
            if training is not None:
                self._forget(training.path)

    def _need_rest(self) -> None:
        active = self.active
        if active is not None:
            raise RunError("a training is under way", where=active, hint="stop it first: it can go on later")
        if self._training is not None:
            self._forget(self._training.path)

    def _launch(self, task: Task) -> str:
        self._training = Training(task)
        return task.run.name

    @staticmethod
    def _forget(path: Path) -> None:
        """Remove the place of a training that was refused before it became a run."""
        if not (path / CONFIG).exists():
            with suppress(OSError):
                path.rmdir()
