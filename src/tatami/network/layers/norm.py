"""BN, LRN, LN: normalisations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.network.layers.arguments import COUNT, FRACTION, POSITIVE, Argument
from tatami.network.layers.base import Layer, Parameter, Shape, layer


@layer("BN")
@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each channel normalised over the batch and all positions, then scaled and shifted (Ioffe & Szegedy 2015).

    ``momentum`` is the share of the newest batch in the running statistics, which inference uses.
    """

    eps: float = 1e-5
    momentum: float = 0.1

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("eps", POSITIVE), Argument("momentum", FRACTION))

    def parameters(self, *shapes: Shape) -> dict[str, Parameter]:
        channels = (shapes[0][-1],)
        return {
            "weight": Parameter(channels, "scale"),
            "bias": Parameter(channels, "shift"),
            "running_mean": Parameter(channels, "running_mean"),
            "running_var": Parameter(channels, "running_var"),
        }


@layer("LN")
@dataclass(frozen=True)
class LayerNorm(Layer):
    """Each position normalised over its channels, then scaled and shifted (Ba, Kiros & Hinton 2016)."""

    eps: float = 1e-5

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("eps", POSITIVE),)

    def parameters(self, *shapes: Shape) -> dict[str, Parameter]:
        channels = (shapes[0][-1],)
        return {"weight": Parameter(channels, "scale"), "bias": Parameter(channels, "shift")}


@layer("LRN")
@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    """Each value divided by (k + alpha * sum of squares over ``size`` neighbouring channels)^beta.

    Source: Krizhevsky, Sutskever & Hinton 2012, section 3.3, with its constants as defaults.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("size", COUNT, positional=True),
        Argument("alpha", POSITIVE),
        Argument("beta", POSITIVE),
        Argument("k", POSITIVE),
    )
