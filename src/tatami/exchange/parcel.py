"""What leaves tatami: a network with its weights, and what goes into it and comes out of it mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tatami._version import __version__
from tatami.data import Preprocess
from tatami.engines.base import Array
from tatami.engines.checks import check_tensors
from tatami.errors import NetworkError, OptionError
from tatami.network import Network, network_program
from tatami.network.layers import size_text
from tatami.notation import print_text

LAYOUTS = ("nchw", "nhwc")


@dataclass(frozen=True)
class Targets:
    """What the outputs of a regression are: ``output * std + mean`` is in the units of the target."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Parcel:
    """A network ready to leave.

    Attributes:
        network: what is computed.
        state: its weights by name, in tatami's order of axes.
        classes: names, in the order of the scores.
        preprocess: what is to be done to raw samples.
        targets: of a regression.

    Raises:
        RunError: weights that are not those of the network.
        OptionError: preprocessing for samples of another shape.
    """

    network: Network
    state: Mapping[str, Array] = field(repr=False)
    classes: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    targets: Targets | None = None

    def __post_init__(self) -> None:
        expected = {name: parameter.shape for name, parameter in self.network.parameters().items()}
        check_tensors(self.state, expected, "weights")
        if self.preprocess is not None and self.preprocess.shape != self.network.input_shape:
            raise OptionError(
                "the preprocessing does not fit the network",
                got=f"samples of {size_text(self.preprocess.shape)}",
                expected=size_text(self.network.input_shape),
            )

    @property
    def text(self) -> str:
        """The network in notation; empty where its paths cross, which the notation cannot say."""
        try:
            return print_text(network_program(self.network))
        except NetworkError:
            return ""

    @property
    def resizes(self) -> bool:
        """Whether its preprocessing takes pictures of any size: those of uint8."""
        return self.preprocess is not None and self.preprocess.kind == "image" and self.preprocess.scale != 1.0

    def metadata(self) -> dict[str, str]:
        """What is known of it, as strings: for the head of a file."""
        known = {"tatami": __version__, "network": self.text, "classes": json.dumps(self.classes)}
        if self.preprocess is not None:
            known["preprocess"] = json.dumps(self.preprocess.to_dict())
        if self.targets is not None:
            known["targets"] = json.dumps(
                {"names": self.targets.names, "mean": self.targets.mean, "std": self.targets.std}
            )
        return {key: value for key, value in known.items() if value}
