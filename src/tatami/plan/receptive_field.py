"""The receptive field: which part of the input one position of a map sees.

Along one axis a map has a field of ``size`` pixels for each of its positions; neighbouring positions are ``jump``
pixels apart; the first position's field begins at ``start`` (negative: in the padding). For a window of size F,
stride S, dilation D and padding P:

    size' = size + (F - 1)*D*jump,   start' = start - P*jump,   jump' = jump*S

Source: Araujo, Norris & Sim 2019, Computing Receptive Fields of Convolutional Neural Networks, equations 2 and 3.
Where branches meet, the field is their union, provided that they are aligned: equal jumps and equal centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tatami.network import Network, Node


@dataclass(frozen=True)
class AxisField:
    """The field along one axis, in input pixels."""

    size: int
    jump: int
    start: int

    @property
    def twice_centre(self) -> int:
        """Centre of the first position's field, doubled to stay a whole number."""
        return 2 * self.start + self.size - 1


@dataclass(frozen=True)
class Field:
    """The receptive field of a node.

    ``axes`` is None where there is no single field, and ``why`` says so: ``whole`` for a vector, which has no positions
    and sees all of the input; ``misaligned`` where branches with different jumps or centres have met.
    """

    axes: tuple[AxisField, ...] | None
    why: Literal["", "whole", "misaligned"] = ""


WHOLE = Field(None, "whole")
MISALIGNED = Field(None, "misaligned")


def receptive_fields(network: Network) -> dict[str, Field]:
    """The field of every node, by name."""
    fields: dict[str, Field] = {}
    for node in network:
        fields[node.name] = _field(network, node, [fields[name] for name in node.inputs])
    return fields


def _field(network: Network, node: Node, inputs: list[Field]) -> Field:
    if len(node.shape) == 1:
        return WHOLE
    if not inputs:
        return Field((AxisField(1, 1, 0),) * (len(node.shape) - 1))
    # A vector that gates a map (squeeze-and-excitation) sees everything but selects no position: the map's counts.
    maps = [field for field in inputs if field.why != "whole"]
    if any(field.axes is None for field in maps):
        return MISALIGNED
    window = node.layer.window(*network.input_shapes(node))
    if window is None and len(maps) == 1:
        return maps[0]
    merged = _union([field.axes for field in maps if field.axes is not None])
    if merged is None:
        return MISALIGNED
    if window is None:
        return Field(merged)
    return Field(
        tuple(
            AxisField(
                field.size + (axis.extent - 1) * field.jump,
                field.jump * axis.stride,
                field.start - axis.before * field.jump,
            )
            for field, axis in zip(merged, window.axes, strict=True)
        )
    )


def _union(branches: list[tuple[AxisField, ...]]) -> tuple[AxisField, ...] | None:
    if len(branches) == 1:
        return branches[0]
    merged = []
    for along in zip(*branches, strict=True):
        if len({(field.jump, field.twice_centre) for field in along}) > 1:
            return None
        merged.append(max(along, key=lambda field: field.size))
    return tuple(merged)
