"""FOREIGN: an operator from elsewhere that no layer here is, in its place, so that what is around it can be planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tatami.network.layers.base import Layer, Shape


@dataclass(frozen=True)
class Foreign(Layer):
    """What is known of it: what it is called there, and the shape of its output.

    Its parameters and its work count as none. No engine computes it, and the notation has no word for it: so it is not
    entered in ``LAYERS``.
    """

    keyword: ClassVar[str] = "FOREIGN"
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    operator: str
    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        return self.shape
