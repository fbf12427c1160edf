"""What trials measured, kept by their content: a trial is measured once, whoever asks, and an interrupted lab goes on.

The key is a digest of everything that a result follows from: claim, settings, seed, data, and the source of the code
that measures.
"""

from __future__ import annotations

import inspect
import json
import sys
from hashlib import blake2b
from pathlib import Path

from tatami._version import __version__
from tatami.data import Dataset
from tatami.errors import TatamiError
from tatami.formats import atomic_write
from tatami.lab import training
from tatami.lab.claim import Claim, Figures, Trial
from tatami.plan.machine import cache_folder
from tatami.train.digest import digest


class Store:
    """The kept results of one claim on one data set.

    Args:
        claim: the experiment.
        dataset: what it is measured on; None for an experiment that takes none.
        folder: where; ``lab`` in the cache folder unless given.
    """

    def __init__(self, claim: Claim, dataset: Dataset | None, folder: Path | None = None) -> None:
        self._folder = (folder or cache_folder() / "lab") / claim.name
        code = inspect.getsource(sys.modules[claim.measure.__module__]) + inspect.getsource(training)
        self._basis = [__version__, claim.name, code, digest(dataset) if dataset is not None else ""]

    def path(self, trial: Trial) -> Path:
        """The file of a trial."""
        content = json.dumps([*self._basis, trial.group, dict(trial.settings), trial.seed], sort_keys=True)
        return self._folder / f"{blake2b(content.encode(), digest_size=16).hexdigest()}.json"

    def read(self, trial: Trial) -> Figures | None:
        """What was measured; None where nothing was, or the file is damaged."""
        try:
            found = json.loads(self.path(trial).read_text(encoding="utf-8"))["figures"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, dict) else None

    def keep(self, trial: Trial, figures: Figures) -> str:
        """Keep what was measured; returns what stands in the way of it, the empty text for nothing."""
        path = self.path(trial)
        content = {"group": trial.group, "settings": dict(trial.settings), "seed": trial.seed, "figures": figures}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, json.dumps(content) + "\n")
        except (OSError, TatamiError) as error:
            return str(error)
        return ""
