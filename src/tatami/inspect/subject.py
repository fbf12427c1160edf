"""What is looked into: a network with its weights, and how samples are prepared for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tatami.data import Preprocess
from tatami.data.dataset import Array, Kind
from tatami.engines.checks import check_weights
from tatami.network import Network
from tatami.train.run import Identity, read_trained


@dataclass(frozen=True, eq=False)
class Subject:
    """A trained network, by whichever engine.

    Attributes:
        network: its layers.
        state: all weights and running statistics by full name, as an engine's ``state_dict`` gives them.
        preprocess: what is done to raw samples.
        classes: their names, in the order of the scores; empty for a regression.
        kind: what the samples are.

    Raises:
        RunError: the state is that of another network.
    """

    network: Network
    state: Mapping[str, Array]
    preprocess: Preprocess
    classes: tuple[str, ...]
    kind: Kind

    def __post_init__(self) -> None:
        check_weights(self.state, self.network)

    @classmethod
    def of(cls, path: Path) -> Subject:
        """The best weights of a run directory, or a weights file of tatami.

        Raises:
            RunError: neither, without weights, or damaged.
        """
        return cls.from_trained(*read_trained(path))

    @classmethod
    def from_trained(cls, network: Network, identity: Identity, weights: Mapping[str, Array]) -> Subject:
        """Weights that have been read: what :func:`tatami.train.run.read_trained` gives."""
        return cls(network, weights, identity.preprocess, identity.classes, identity.preprocess.kind)

    @cached_property
    def weights(self) -> dict[str, dict[str, NDArray[np.float32]]]:
        """For each node, its tensors by name, as float32."""
        return {
            node.name: {
                name: np.asarray(self.state[f"{node.name}.{name}"], np.float32)
                for name in node.layer.parameters(*self.network.input_shapes(node))
            }
            for node in self.network
        }

    def prepare(self, raw: Array) -> NDArray[np.float32]:
        """Raw samples (N, *input) as the network sees them.

        Raises:
            DataError: samples of another shape or range of values.
        """
        return self.preprocess(raw)
