"""SCALE: a learned factor for each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.network.layers.arguments import POSITIVE, Argument
from tatami.network.layers.base import Layer, Parameter, Shape, layer


@layer("SCALE")
@dataclass(frozen=True)
class Scale(Layer):
    """Each channel times a weight of its own, which starts at ``init``.

    With a small ``init`` at the end of a residual body, a deep network starts near the identity (Touvron et al. 2021,
    Going deeper with Image Transformers, section 2.1: LayerScale).
    """

    init: float = 1.0

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("init", POSITIVE),)

    def parameters(self, *shapes: Shape) -> dict[str, Parameter]:
        return {"weight": Parameter((shapes[0][-1],), "scale", start=self.init)}
