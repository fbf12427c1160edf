"""One trial: a run directory that is trained further, rung by rung. Done twice, it is trained once.

The run directory is the trial's identity: a lock beside it lets one process at a time go on with it, what was killed
goes on from what was saved, and a rung whose result lies there already is not trained again. So a job may be given to a
worker as often as is needed, such as when another worker was killed.

Epochs are added by :func:`tatami.train.resume`, which stretches the schedule. With ``onecycle`` over three times as
many epochs, a promoted trial goes on just behind the peak of the rate and comes down once more: the warm restarts of
SGDR (Loshchilov & Hutter 2017) with periods that grow by ``eta``. All trials of a rung have been through the same
rates, and each is judged where its rate has come down, so that they compare.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from tatami.engines import compile
from tatami.errors import NumericError, RunError
from tatami.explore.candidates import with_threads
from tatami.explore.halving import FAILED, Score
from tatami.formats import atomic_write
from tatami.network import Network, find_network, source_of_text
from tatami.train import Outcome, TrainConfig, resume, train
from tatami.train.config import ResolvedConfig
from tatami.train.evaluation import read_evaluation
from tatami.train.events import Ended
from tatami.train.run import LAST, Run
from tatami.train.steering import until

RESULT = "trial.json"
POLL = 0.5  # seconds between two looks for the request to stop


@dataclass(frozen=True)
class Task:
    """A job as a worker gets it, on this machine or another that sees the same folders.

    Attributes:
        run: the trial's run directory.
        line: its network.
        config: its training.
        epochs: to train, in all.
        threads: to train on.
        mixes: whether augmentation mixes labels.
        stop: a file that, once it is there, ends the training early, as does the death of the worker's parent.
    """

    run: str
    line: str
    config: TrainConfig
    epochs: int
    threads: int
    mixes: bool
    stop: str


@dataclass(frozen=True)
class Result:
    """What a trial came to on a rung.

    Attributes:
        epochs: done, in all; fewer than asked for where it was told to stop.
        score: on the validation samples: accuracy, or R2 of a regression; None where it failed.
        loss: there.
        correct, total: there; ``correct`` is None of a regression.
        seconds: of training, in all.
        params: trainable ones, counted in the weights that were saved.
        memory: measured bytes of a training step at its peak; None where the engine does not measure it.
        failure: why it failed.
        stopped: whether it was told to stop, and is not done.
    """

    epochs: int = 0
    score: float | None = None
    loss: float | None = None
    correct: int | None = None
    total: int = 0
    seconds: float = 0.0
    params: int = 0
    memory: int | None = None
    failure: str = ""
    stopped: bool = False

    @property
    def rank(self) -> Score:
        """By which trials of a rung are compared: the score, then the loss."""
        return FAILED if self.score is None or self.loss is None else (self.score, -self.loss)


def advance(task: Task) -> Result:
    """Train a trial up to ``task.epochs``, unless that is done already, and keep its result beside it.

    Raises:
        TatamiError: the data or the disk are at fault, rather than the trial.
    """
    run, stop = Path(task.run), _stop_file(Path(task.stop))
    run.parent.mkdir(parents=True, exist_ok=True)
    with _alone(run.with_suffix(".lock")), with_threads(task.threads):
        known = _read(run)
        if known is not None and (known.failure or known.epochs >= task.epochs):
            return known
        if stop():
            return Result(stopped=True)
        try:
            outcome = _train(run, task, stop)
        except (NumericError, MemoryError) as error:
            return _keep(run, Result(epochs=task.epochs, failure=str(error) or "not enough memory"))
        if outcome is not None and outcome.interrupted:
            return Result(stopped=True)
        return _keep(run, _measured(run, task.epochs, task.mixes))


def _train(run: Path, task: Task, stop: Callable[[], bool]) -> Outcome | None:
    """Begin, or go on; None where there was nothing left to do but to tell of it."""
    if not (run / LAST).exists():
        shutil.rmtree(run, ignore_errors=True)  # killed before anything was saved
        return train(
            find_network(task.line), replace(task.config, epochs=task.epochs), run, _nothing, steer=until(stop)
        )
    held = Run(run)
    has_ended = any(isinstance(event, Ended) for event in held.events())
    if has_ended and held.checkpoint().progress.epoch >= task.epochs:
        return None
    return resume(run, _nothing, task.epochs, steer=until(stop))


def _nothing(event: object) -> None:
    """Events are in the run directory; nobody listens."""


def _measured(run: Path, epochs: int, mixes: bool) -> Result:
    """What lies in a run directory that is done, and what its model takes in memory."""
    held = Run(run)
    found, progress, config = read_evaluation(run), held.checkpoint().progress, held.config()
    if found is None:
        raise RunError("a trial without a result", where=str(run))
    network = source_of_text(held.network_text()).build()
    trainable = {name for name, parameter in network.parameters().items() if parameter.trainable}
    weights = held.best_weights()
    classes = found.classes
    return Result(
        epochs=epochs,
        score=classes.accuracy if classes is not None else found.targets.r2 if found.targets is not None else None,
        loss=found.loss,
        correct=classes.correct if classes is not None else None,
        total=found.total,
        seconds=progress.seconds,
        params=sum(int(np.size(weights[name])) for name in trainable),
        memory=_memory(network, config, mixes),
    )


def _memory(network: Network, config: ResolvedConfig, mixes: bool) -> int | None:
    """The measured peak of a step of a network, made as it was trained."""
    model = compile(
        network,
        config.engine,
        batch=config.batch,
        optimizer=config.make_optimizer(),
        loss=config.training_loss(mixes),
        checkpoint=config.checkpoint,
        dtype=config.dtype,
        device=config.device,
        capture=config.capture,
    )
    return model.memory().get("peak_bytes")


def _read(run: Path) -> Result | None:
    try:
        return msgspec.convert(json.loads((run / RESULT).read_text(encoding="utf-8")), Result)
    except (OSError, ValueError):
        return None


def _keep(run: Path, result: Result) -> Result:
    run.mkdir(exist_ok=True)
    atomic_write(run / RESULT, json.dumps(asdict(result)) + "\n")
    return result


def _stop_file(path: Path) -> Callable[[], bool]:
    """Whether the file is there, or the process that leads is gone, looked at now and then."""
    looked, found, parent = float("-inf"), False, os.getppid()

    def is_there() -> bool:
        nonlocal looked, found
        if not found and time.monotonic() - looked > POLL:
            looked, found = time.monotonic(), path.exists() or os.getppid() != parent
        return found

    return is_there


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process is at this trial."""
    with path.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # Windows
            pass
        yield
