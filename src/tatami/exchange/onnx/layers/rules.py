"""How a layer is written: :func:`write`, which each file of this package extends by the layers of its family."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from tatami.engines.base import Array
from tatami.errors import NetworkError
from tatami.exchange.onnx.sheet import Sheet
from tatami.network.layers import Layer, Shape


@dataclass(frozen=True)
class Place:
    """A layer in its place.

    Attributes:
        sheet: on which it is written.
        name: the layer's; of its last operator, and of the value that comes out.
        inputs: the values that it reads, channels first.
        shapes: theirs in tatami, (*spatial, C).
        tensors: the layer's, in ONNX's order of axes.
        free_order: whether a vector that comes out may have its values in any order: see
            :func:`tatami.exchange.channels_first.vectors_channels_first`.
    """

    sheet: Sheet
    name: str
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    tensors: dict[str, Array]
    free_order: bool

    @property
    def axes(self) -> int:
        """Spatial axes of the first input."""
        return len(self.shapes[0]) - 1

    def tensor(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        """One of the layer's tensors as an initializer, ``conv1.weight``; in another shape if that is given."""
        array = self.tensors[name]
        return self.sheet.constant(f"{self.name}.{name}", array if shape is None else array.reshape(shape))

    def number(self, name: str, value: float) -> str:
        """A number as an initializer of the layer's."""
        return self.sheet.constant(f"{self.name}.{name}", np.asarray(value, np.float32))

    def whole(self, name: str, values: tuple[int, ...]) -> str:
        """Whole numbers as an initializer of the layer's."""
        return self.sheet.constant(f"{self.name}.{name}", np.asarray(values, np.int64))

    def step(self, operator: str, part: str, *inputs: str, **attributes: object) -> str:
        """An operator before the layer's last; its value is called ``conv1/part``."""
        return self.sheet.node(operator, f"{self.name}/{part}", inputs, **attributes)

    def last(self, operator: str, *inputs: str, **attributes: object) -> None:
        """The layer's last operator."""
        self.sheet.node(operator, self.name, inputs, **attributes)


@singledispatch
def write(layer: Layer, place: Place) -> None:
    """Write ``layer``; see the module's text.

    Raises:
        NetworkError: a layer without a rule, as a placeholder for what could not be read.
    """
    raise NetworkError(f"{layer.keyword} has no form in ONNX", where=place.name)
