"""The engine's memory: one flat buffer each for parameters and gradients, one arena for all that lives in a step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.places import Map
from tatami.network import Network
from tatami.network.layers import Parameter, product
from tatami.plan.arena import ALIGNMENT
from tatami.plan.ops import Place
from tatami.plan.program import Program


def aligned_array(count: int, dtype: np.dtype) -> Array:
    """``count`` zeros that begin at a cache line."""
    raw = np.zeros(count * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + count * dtype.itemsize].view(dtype)


class Tensors:
    """Named tensors in one flat buffer, those that are trained first.

    Of these, tensors of whole cache lines come first, so that they begin at one; the others leave no gaps behind them.
    """

    def __init__(self, network: Network, dtype: np.dtype) -> None:
        self.parameters = dict(
            sorted(network.parameters().items(), key=lambda item: (not item[1].trainable, item[1].size % 16 > 0))
        )
        self.trainable = sum(parameter.size for parameter in self.parameters.values() if parameter.trainable)
        self.flat = aligned_array(sum(parameter.size for parameter in self.parameters.values()), dtype)
        self.starts: dict[str, int] = {}
        start = 0
        for name, parameter in self.parameters.items():
            self.starts[name] = start
            start += parameter.size

    def view(self, name: str, flat: Array | None = None) -> Array:
        """A tensor as it lies in the buffer, or in another buffer of the same layout."""
        start, parameter = self.starts[name], self.parameters[name]
        buffer = self.flat if flat is None else flat
        return buffer[start : start + parameter.size].reshape(parameter.shape)

    def trained(self) -> dict[str, Parameter]:
        """The parameters that gradient descent changes."""
        return {name: parameter for name, parameter in self.parameters.items() if parameter.trainable}


@dataclass(frozen=True)
class Room:
    """An arena in memory, for one program.

    Attributes:
        memory: bytes, at least as many as the program's arena has.
    """

    program: Program
    memory: Array
    dtype: np.dtype

    def address(self, buffer: str) -> int:
        """Where a buffer begins."""
        return int(self.memory.ctypes.data) + self.program.arena.offsets[buffer]

    def map(self, place: Place) -> Map:
        """A place as a kernel takes it."""
        return Map(self.address(place.buffer) + place.offset * self.dtype.itemsize, place.shape, place.stride)

    def array(self, place: Place, n: int) -> Array:
        """The values of ``n`` samples at a place: (n, *shape), a view."""
        offset = self.program.arena.offsets[place.buffer]
        *spatial, channels = place.shape
        count = n * product(tuple(spatial)) * place.stride
        values = self.memory[offset : offset + count * self.dtype.itemsize].view(self.dtype)
        return values.reshape(n, *spatial, place.stride)[..., place.offset : place.offset + channels]

    def raw(self, buffer: str, shape: tuple[int, ...], dtype: np.dtype) -> Array:
        """The first values of a buffer, as an array of another type."""
        offset = self.program.arena.offsets[buffer]
        size = product(shape) * dtype.itemsize
        return self.memory[offset : offset + size].view(dtype).reshape(shape)
