"""FC: the fully connected layer. It flattens its input by itself, row by row, channels last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from tatami.network.layers.arguments import COUNT, FLAG, Argument
from tatami.network.layers.base import Context, Layer, Parameter, Shape, layer, product

DEFAULT_UNITS = 128


@layer("FC")
@dataclass(frozen=True)
class Dense(Layer):
    """Every output sees every input: weight (inputs, units), bias (units,)."""

    units: int
    bias: bool = True

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("units", COUNT, ("units", "out_features"), positional=True),
        Argument("bias", FLAG),
    )

    @classmethod
    def from_notation(cls, given: Mapping[str, Any], context: Context) -> Self:
        return cls(given.get("units", DEFAULT_UNITS), given.get("bias", True))

    def output_shape(self, *shapes: Shape) -> Shape:
        return (self.units,)

    def parameters(self, *shapes: Shape) -> dict[str, Parameter]:
        inputs = product(shapes[0])
        weight = Parameter((inputs, self.units), "weight", inputs, self.units)
        return {"weight": weight, "bias": Parameter((self.units,), "bias")} if self.bias else {"weight": weight}

    def macs(self, *shapes: Shape) -> int:
        return product(shapes[0]) * self.units
