"""ADD, MUL, CONCAT: where branches meet. In the notation they are written with their branches in square brackets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.errors import NetworkError
from tatami.network.layers.arguments import MAX_CHANNELS, MAX_VALUES
from tatami.network.layers.base import Layer, Shape, layer, size_text


@dataclass(frozen=True)
class Merge(Layer):
    """Base of the layers with several inputs."""

    arity: ClassVar[tuple[int, int | None]] = (2, None)


@layer("ADD")
@dataclass(frozen=True)
class Add(Merge):
    """The sum of inputs of one shape."""

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(set(shapes)) > 1:
            raise NetworkError(
                "branches of different shapes cannot be added",
                got=" and ".join(map(size_text, shapes)),
                expected="one shape",
                hint="RES[body] projects its shortcut by itself; RES[body | shortcut] says how",
            )
        return shapes[0]


@layer("MUL")
@dataclass(frozen=True)
class Multiply(Merge):
    """The product of inputs of one shape; a plain vector (C,) multiplies every position of a map (*spatial, C).

    The latter is the gate of squeeze-and-excitation (Hu et al. 2018, equation 4).
    """

    def output_shape(self, *shapes: Shape) -> Shape:
        largest = max(shapes, key=len)
        if any(shape not in (largest, largest[-1:]) for shape in shapes):
            raise NetworkError(
                "branches of different shapes cannot be multiplied",
                got=" and ".join(map(size_text, shapes)),
                expected=f"{size_text(largest)}, or a vector of {largest[-1]}",
            )
        return largest


@layer("CONCAT")
@dataclass(frozen=True)
class Concat(Merge):
    """Inputs of one spatial size joined along depth."""

    def output_shape(self, *shapes: Shape) -> Shape:
        if len({shape[:-1] for shape in shapes}) > 1:
            raise NetworkError(
                "branches of different sizes cannot be joined",
                got=" and ".join(map(size_text, shapes)),
                expected="one spatial size",
            )
        depth, limit = sum(shape[-1] for shape in shapes), MAX_CHANNELS if len(shapes[0]) > 1 else MAX_VALUES
        if depth > limit:
            raise NetworkError("joined branches are too deep", got=depth, expected=f"at most {limit:,}")
        return (*shapes[0][:-1], depth)
