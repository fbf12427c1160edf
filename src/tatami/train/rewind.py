"""The ends of some epochs, kept to go back to: ``checkpoints/EPOCH/`` of a run, and a new run that begins at one.

A kept epoch is links to the files that were the latest and the best when it ended. Weights files are replaced, never
written into, so that a link keeps what it has, takes no time, and no room of its own until the original is replaced.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from tatami.errors import RunError
from tatami.formats import atomic_write
from tatami.formats.atomic import atomic_path
from tatami.train.events import EpochEnded, to_line
from tatami.train.run import BEST, CONFIG, EVENTS, LAST, NETWORK, SPLIT, Run, place

FOLDER = "checkpoints"
MOST_BYTES = 4 * 2**30
"""What the kept epochs of a run may take on the disk: of a large network there are fewer."""


def chosen_epochs(done: int, most: int) -> list[int]:
    """Which of the first ``done`` epochs are kept, at most ``most``: every one, every second, every fourth, ...

    What is chosen later was chosen before, so that nothing is missed that has been dropped.
    """
    if most < 1:
        return []
    stride = 1
    while done // stride > most:
        stride *= 2
    return list(range(stride, done + 1, stride))


def keep(run: Run, epoch: int, most: int) -> None:
    """Keep the epoch whose end was just saved, if it is among the chosen, and drop those that no longer are.

    Raises:
        RunError: the disk does not take it.
    """
    size = sum((run.path / name).stat().st_size for name in (BEST, LAST)) if most else 1
    chosen = chosen_epochs(epoch, min(most, MOST_BYTES // size))
    if epoch in chosen:
        _link(run.path, run.path / FOLDER / str(epoch))
    if chosen:
        for other in kept_epochs(run):
            if other not in chosen:
                shutil.rmtree(run.path / FOLDER / str(other), ignore_errors=True)


def kept_epochs(run: Run) -> list[int]:
    """The epochs that can be rewound to, ascending."""
    names = [path.parent.name for path in (run.path / FOLDER).glob(f"*/{LAST}")]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def rewind(run: Run, epoch: int, path: Path | None = None, runs: Path | None = None) -> Run:
    """A new run that is where ``run`` was at the end of ``epoch``, which :func:`tatami.train.resume` goes on with.

    It has the events up to there, and the epochs kept up to there. ``run`` stays as it is.

    Args:
        run: which kept this epoch.
        epoch: from 1.
        path: of the new run; None for the first free one in ``runs``.
        runs: the folder of ``run`` unless given.

    Raises:
        RunError: this epoch was not kept, the place is taken or cannot be written.
    """
    kept = kept_epochs(run)
    if epoch not in kept:
        raise RunError(
            "this epoch was not kept",
            where=str(run.path),
            got=epoch,
            expected=f"one of {', '.join(map(str, kept))}" if kept else "a run trained with --keep-epochs",
        )
    files = {name: (run.path / name).read_bytes() for name in (NETWORK, SPLIT, CONFIG)}
    told = "".join(to_line(event) + "\n" for event in run.events())
    stem = run.path.resolve().name.partition("-from-")[0]
    new = Run(place(path, f"{stem}-from-{epoch}", run.path.parent if runs is None else runs))
    _link(run.path / FOLDER / str(epoch), new.path)
    for other in kept:
        if other <= epoch:
            _link(run.path / FOLDER / str(other), new.path / FOLDER / str(other))
    atomic_write(new.path / EVENTS, told)
    events = new.forget_after(new.checkpoint().progress)
    new.write_metrics([event for event in events if isinstance(event, EpochEnded)])
    for name, content in files.items():  # the settings last: they make it a run
        atomic_write(new.path / name, content)
    return new


def _link(source: Path, target: Path) -> None:
    """Link latest and best, the latest last: it makes the epoch a kept one."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in (BEST, LAST):
            (target / name).unlink(missing_ok=True)
            try:
                os.link(source / name, target / name)
            except FileNotFoundError:
                raise
            except OSError:  # a file system without links
                with atomic_path(target / name) as beside:
                    shutil.copyfile(source / name, beside)
    except OSError as error:
        with suppress(OSError):
            (target / LAST).unlink(missing_ok=True)
        raise RunError("the run cannot be written", where=str(target), got=error.strerror) from error
