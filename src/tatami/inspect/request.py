"""What is to be inspected, checked against the network before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.errors import OptionError, nearest
from tatami.inspect.checks import need_layer, need_unit
from tatami.network import Network
from tatami.network.layers import Input
from tatami.views.inspect_methods import METHODS

SAMPLES = 4
"""Samples that are inspected where nobody says which."""

UNITS = 16
"""Units of a layer that are shown unless all are."""

DATA_SAMPLES = 500
"""Samples of the run's data behind dead units, patches and embedding."""


@dataclass(frozen=True)
class Request:
    """What the user asks for.

    Attributes:
        rows: which samples, counted from 0 over all files; None for the first :data:`SAMPLES`.
        target: the class, or target of a regression, whose score is explained; None for each sample's likeliest.
        methods: by which it is explained, keys of :data:`tatami.views.inspect_methods.METHODS`.
        layers: whose maps and filters are shown; empty for all.
        unit: a layer and the number of its unit whose receptive field is drawn.
        units_shown: of each layer at most; None for all.
        tsne: whether the embedding is also shown by t-SNE.
        data_samples: how many samples of the run's data are looked at.
    """

    rows: tuple[int, ...] | None = None
    target: str | None = None
    methods: tuple[str, ...] = tuple(METHODS)
    layers: tuple[str, ...] = ()
    unit: tuple[str, int] | None = None
    units_shown: int | None = UNITS
    tsne: bool = False
    data_samples: int = DATA_SAMPLES

    def checked_layers(self, network: Network) -> tuple[str, ...]:
        """The layers to show, in the network's order; checks the unit too.

        Raises:
            OptionError: no such layer, or no such unit.
        """
        for name in self.layers:
            need_layer(network, name)
        if self.unit is not None:
            layer, unit = self.unit
            need_unit(need_layer(network, layer), unit)
        wanted = self.layers or tuple(node.name for node in network if not isinstance(node.layer, Input))
        return tuple(node.name for node in network if node.name in wanted)

    def check_methods(self) -> None:
        """Refuse a method that there is not.

        Raises:
            OptionError: the hint names the nearest.
        """
        for method in self.methods:
            if method not in METHODS:
                close = nearest(method, METHODS)
                hint = f"did you mean {close}?" if close else None
                known = ", ".join(METHODS)
                raise OptionError("no such method", where="--methods", got=method, expected=known, hint=hint)

    def checked_target(self, outputs: tuple[str, ...]) -> int | None:
        """The number of the output that is explained; None for each sample's likeliest.

        Raises:
            OptionError: no output has this name.
        """
        if self.target is None:
            return None
        if self.target not in outputs:
            close = nearest(self.target, outputs)
            raise OptionError(
                "no such class or target",
                where="--target",
                got=self.target,
                expected=", ".join(outputs[:10]) + (", ..." if len(outputs) > 10 else ""),
                hint=f"did you mean {close}?" if close else None,
            )
        return outputs.index(self.target)
