"""What remains of a training when one of its ranks is lost: everything up to the last step that all of them did.

A step that fails changes nothing, so that weights, optimizer and progress of every rank that is left are those of the
last complete step, or of the one before. One of them saves: rank 0, which holds the run's lock, or, where rank 0 is the
lost one, whoever gets the lock that ended with it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack

from tatami.errors import RankError, RunError
from tatami.formats import atomic_write
from tatami.train.events import Ended, EpochEnded
from tatami.train.loop import Trainer
from tatami.train.report import read_report
from tatami.train.run import NETWORK, REPORT, Identity, Run
from tatami.views.report import report_html

LOCK_WAIT = 20.0
"""Seconds in which another rank may save; after 30, torchrun ends those that are left."""


def mark(run: Run) -> int | None:
    """What tells the run from another of its path, as on a host that does not see rank 0's files; None for none."""
    try:
        return os.stat(run.path / NETWORK).st_mtime_ns
    except OSError:
        return None


def rescue(
    run: Run, marked: int | None, trainer: Trainer, identity: Identity, epochs: list[EpochEnded], lost: RankError
) -> RankError:
    """Save what the training has reached, unless another rank does; returns what the user is to know.

    Args:
        run: which rank 0 has locked.
        marked: the run's :func:`mark` when training began.
        trainer: at its last complete step.
        identity: of its weights.
        epochs: that have ended.
        lost: how the loss was noticed.

    Raises:
        RunError: the disk does not take it.
    """
    hint = f"tatami resume {run.path} goes on, with any number of ranks"
    if marked is None or mark(run) != marked:
        return RankError(lost.problem, where=str(run.path), got=lost.got, hint=f"{hint}, on the host that has it")
    with ExitStack() as held:
        if trainer.ranks.rank != 0:
            try:
                held.enter_context(run.alone(LOCK_WAIT))
            except RunError:  # another rank is at it
                return RankError(lost.problem, said=True)
        said = _is_closed(run)
        try:
            is_new = _save(run, trainer, identity, epochs)
        except RuntimeError as error:  # a GPU that gives nothing back
            problem = f"{lost.problem}, and so are the weights since the last save"
            return RankError(problem, where=str(run.path), got=str(error).splitlines()[0], hint=hint, said=said)
        if is_new or not said:
            kept = [event for event in run.events() if isinstance(event, EpochEnded)]
            run.write_metrics(kept)
            if not trainer.is_done:
                best = max((event.epoch for event in kept if event.is_best), default=0)
                run.append(Ended("interrupted", len(kept), best, trainer.progress.seconds))
            atomic_write(run.path / REPORT, report_html(read_report(run)))
    problem = f"{lost.problem}; everything up to step {trainer.progress.step} is saved"
    return RankError(problem, where=str(run.path), got=lost.got, hint=hint, said=said)


def _is_closed(run: Run) -> bool:
    """Whether somebody has written that the training is over: rank 0, or another that is left."""
    events = run.events()
    return bool(events) and isinstance(events[-1], Ended)


def _save(run: Run, trainer: Trainer, identity: Identity, epochs: list[EpochEnded]) -> bool:
    """Bring the run to where the trainer is; whether it was not there yet."""
    progress = trainer.progress
    try:
        saved = run.checkpoint().progress
    except RunError:  # nothing is saved yet
        saved = None
    if saved is not None and (saved.step, saved.epoch) >= (progress.step, progress.epoch):
        return False
    # The epoch that has just ended may be one that rank 0 could not tell of any more, nor keep.
    is_news = bool(epochs) and (saved is None or saved.epoch < epochs[-1].epoch)
    told = {event.epoch for event in run.forget_after(progress) if isinstance(event, EpochEnded)}
    for event in epochs:
        if event.epoch not in told:
            run.append(event)
    run.save(
        trainer.model,
        identity,
        progress,
        trainer.average,
        is_best=not epochs or (is_news and epochs[-1].is_best),
    )
    return True
