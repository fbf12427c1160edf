"""One frame of looking: what every layer answers to a sample, small enough to be sent many times a second.

Letters: H and W positions, L positions in time, C units of a layer, K outputs.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Maps:
    """A layer's output for one sample in 256 steps.

    Attributes:
        name: of the layer.
        low, high: the values that 0 and 255 stand for; equal where all values are. A value is known to half a step.
        values: uint8 (C, H, W), (C, L) or (C,): unit by unit, as they are drawn.
    """

    name: str
    low: float
    high: float
    values: NDArray[np.uint8]


def quantised(name: str, output: Array) -> Maps:
    """A layer's output, (H, W, C), (L, C) or (C,), in 256 steps from its lowest to its highest finite value."""
    low, high = float(output.min()), float(output.max())
    if not np.isfinite([low, high]).all():
        finite = output[np.isfinite(output)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        output = np.nan_to_num(output, nan=low, posinf=high, neginf=low)
    step = 255 / (high - low) if high > low else 0.0
    steps = np.rint((output - np.float32(low)) * np.float32(step)).astype(np.uint8)
    return Maps(name, low, high, np.ascontiguousarray(np.moveaxis(steps, -1, 0)))


@dataclass(frozen=True, eq=False)
class Frame:
    """What the network says of one sample.

    Attributes:
        maps: of every layer, in the network's order, INPUT first.
        scores: the output, (K,).
        probabilities: their softmax; empty for a regression.
    """

    maps: tuple[Maps, ...]
    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def packed(self) -> bytes:
        """As bytes: the length of a JSON text (uint32, little-endian), the text, and all maps one after another.

        The text holds ``low`` and ``high``, one number a layer, ``scores`` and ``probabilities``. Shapes are those of
        the network, which the page knows.
        """
        head = msgspec.json.encode(
            {
                "low": [maps.low for maps in self.maps],
                "high": [maps.high for maps in self.maps],
                "scores": self.scores,
                "probabilities": self.probabilities,
            }
        )
        return b"".join([struct.pack("<I", len(head)), head, *(maps.values.tobytes() for maps in self.maps)])


def frame(outputs: Mapping[str, Array], probabilities: Array | None) -> Frame:
    """The frame of one sample.

    Args:
        outputs: of every layer by name, each of one sample: (1, ...), in the network's order.
        probabilities: (1, K), or None for a regression.
    """
    *_, last = outputs.values()
    return Frame(
        tuple(quantised(name, output[0]) for name, output in outputs.items()),
        tuple(map(float, last[0])),
        () if probabilities is None else tuple(map(float, probabilities[0])),
    )
