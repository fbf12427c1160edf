"""A whole exploration: a family and data in, a directory with trials, events and a Pareto front out.

Everything is in the directory, so that the same call goes on after Ctrl-C, a crash or the end of the time.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from tatami.errors import RunError, TatamiError
from tatami.explore.candidates import with_threads
from tatami.explore.journal import Journal
from tatami.explore.outcome import Found, examine_best, exploration_of, final_run, write_pages
from tatami.explore.search import Listener, Search
from tatami.explore.settings import FILE, Settings, continued, read_settings, write_settings
from tatami.explore.space import TRIALS, make_space
from tatami.explore.workers import Workers
from tatami.train.run import Run


def explore(settings: Settings, folder: Path, workers: Workers, listen: Listener) -> Found:
    """Search, or go on with the search that lies in ``folder``.

    Args:
        settings: what, and how long.
        folder: the exploration's directory.
        workers: who trains.
        listen: is told when a job has begun or ended.

    Raises:
        TatamiError: bad text, data or settings, before anything is trained, and nothing is left behind; the disk does
            not take it.
    """
    began = time.monotonic()
    settings = _going_on(settings, folder)  # first: what a step takes of memory depends on the threads of before
    with with_threads(settings.threads):
        space = make_space(settings)
        folder.mkdir(parents=True, exist_ok=True)
        with Run(folder).alone():
            space = replace(space, settings=_written(settings, folder))
            journal = Journal(folder)
            search = Search(space, folder, journal, workers, listen, began)
            try:
                ended = search.go()
            except TatamiError:  # such as an engine that is not there: better settings may take the place
                if not any(path.is_dir() for path in folder.glob(f"{TRIALS}/*")):
                    shutil.rmtree(folder)
                raise
            values = exploration_of(space, folder, journal, ended, search.spent)
            run = final_run(space, folder, journal, values.best)
            if run is not None and not search.interrupted:
                values = replace(values, final=str(run))
                if space.dataset.test is not None:
                    values = replace(values, tested=examine_best(journal, values, run, settings, search.spent))
            write_pages(folder, values)
            return Found(folder, values)


def _going_on(settings: Settings, folder: Path) -> Settings:
    """The settings with which the exploration in ``folder`` goes on, or begins."""
    if (folder / FILE).exists():
        return continued(settings, read_settings(folder), str(folder))
    if folder.exists() and any(folder.iterdir()):
        raise RunError("the exploration's place is taken", where=str(folder), hint="--run another, or remove it")
    return settings


def _written(settings: Settings, folder: Path) -> Settings:
    """The settings of the exploration in ``folder``, which are kept there from now on."""
    settings = _going_on(settings, folder)
    write_settings(folder, settings)
    return settings
