"""Where values lie: maps in the arena, as a kernel's arguments name them."""

from __future__ import annotations

from dataclasses import dataclass

from tatami.network.layers import Shape, product


@dataclass(frozen=True)
class Map:
    """One map for each sample of the batch, channels last, perhaps a slice of the channels of a larger one.

    Channel c at position p of sample n lies at ``address`` + (n * positions + p) * stride + c elements.

    Attributes:
        address: of the first value, in bytes.
        shape: (*spatial, C) of one sample.
        stride: elements from one position to the next: C, or more within a joined map.
    """

    address: int
    shape: Shape
    stride: int

    @property
    def channels(self) -> int:
        """C."""
        return self.shape[-1]

    @property
    def positions(self) -> int:
        """Positions of one sample: the product of the spatial sizes, 1 for a vector."""
        return product(self.shape[:-1])

    @property
    def is_dense(self) -> bool:
        """Whether all values of the batch follow one another without a gap."""
        return self.stride == self.channels


@dataclass(frozen=True)
class Bend:
    """The activations that are fused into other kernels: min(x, cap) where x > 0, slope * x elsewhere.

    RELU is (0, inf), RELU6 (0, 6), LEAKY(s) (s, inf), no activation (1, inf). The slope at x follows from the output y:
    ``slope`` where y <= 0, 0 where y >= cap, else 1.
    """

    slope: float = 1.0
    cap: float = float("inf")

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.slope == 1.0 and self.cap == float("inf")


STRAIGHT = Bend()
