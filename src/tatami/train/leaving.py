"""A run as what leaves tatami: see :mod:`tatami.exchange`."""

from __future__ import annotations

from pathlib import Path

from tatami.exchange.parcel import Parcel, Targets
from tatami.train.run import read_trained


def parcel_of_run(run: Path) -> Parcel:
    """The best weights of a run, with network, classes and preprocessing.

    Args:
        run: its directory, or a weights file of tatami.

    Raises:
        RunError: neither, or damaged.
    """
    network, identity, weights = read_trained(run)
    standard = identity.standard
    targets = None if standard is None else Targets(standard.names, standard.mean, standard.std)
    return Parcel(network, weights, identity.classes, identity.preprocess, targets)
