"""FLATTEN, SLICE, SHUFFLE: values moved, none changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.errors import NetworkError
from tatami.network.layers.arguments import BEHIND, COUNT, FIRST, Argument
from tatami.network.layers.base import Layer, Shape, layer, product


@layer("FLATTEN")
@dataclass(frozen=True)
class Flatten(Layer):
    """(*spatial, C) -> one vector, row by row, channels last. FC does it by itself."""

    in_place: ClassVar[bool] = True

    def output_shape(self, *shapes: Shape) -> Shape:
        return (product(shapes[0]),)


@layer("SLICE")
@dataclass(frozen=True)
class Slice(Layer):
    """Channels ``start`` to ``stop`` - 1. ``SPLIT[a | b]`` puts one before each of its branches."""

    start: int
    stop: int

    arguments: ClassVar[tuple[Argument, ...]] = (
        Argument("start", FIRST, positional=True),
        Argument("stop", BEHIND, positional=True),
    )

    def output_shape(self, *shapes: Shape) -> Shape:
        *spatial, depth = shapes[0]
        if not self.start < self.stop <= depth:
            raise NetworkError(
                "no such channels",
                got=f"channels {self.start} to {self.stop} of {depth}",
                expected="0 <= start < stop <= depth",
            )
        return (*spatial, self.stop - self.start)


@layer("SHUFFLE")
@dataclass(frozen=True)
class Shuffle(Layer):
    """Channels dealt out anew: (groups, C/groups) transposed (Zhang et al. 2017, ShuffleNet, section 3.1)."""

    groups: int = 2

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("groups", COUNT, positional=True),)

    def output_shape(self, *shapes: Shape) -> Shape:
        if shapes[0][-1] % self.groups:
            raise NetworkError(
                "groups do not divide the depth",
                got=f"groups={self.groups}, depth {shapes[0][-1]}",
                expected=f"a divisor of {shapes[0][-1]}",
            )
        return shapes[0]
