"""INPUT: where a sample enters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.errors import NetworkError
from tatami.network.layers.arguments import MAX_LENGTH, SIZES, Argument, is_whole
from tatami.network.layers.base import Layer, Shape, layer


@layer("INPUT")
@dataclass(frozen=True)
class Input(Layer):
    """The sample's shape: spatial sizes, then depth."""

    shape: Shape

    arguments: ClassVar[tuple[Argument, ...]] = (Argument("shape", SIZES, positional=True),)
    arity: ClassVar[tuple[int, int | None]] = (0, 0)

    def __post_init__(self) -> None:
        if not isinstance(self.shape, tuple):
            raise NetworkError("impossible input size", got=repr(self.shape), expected="a tuple such as (32, 32, 3)")
        if not 1 <= len(self.shape) <= 4:
            raise NetworkError(
                "wrong number of axes",
                got=len(self.shape),
                expected="the depth, with 1, 2 or 3 spatial sizes before it",
            )
        if not all(is_whole(size, 1) and size <= MAX_LENGTH for size in self.shape):
            raise NetworkError("impossible input size", got=self.shape, expected=f"sizes from 1 to {MAX_LENGTH:,}")

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.shape
