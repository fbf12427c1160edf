"""What the passes are given: samples, and beside them labels as int64, or targets like the scores."""

from __future__ import annotations

import numpy as np

from tatami.engines.base import Array
from tatami.engines.cpu.memory import Room
from tatami.network.layers import Shape
from tatami.plan.ops import LossStep
from tatami.plan.program import Program


def give(room: Room, x: Array, y: Array) -> None:
    """Take samples, and labels or targets, into the arena of a training step."""
    give_samples(room, x)
    (loss,) = (op for op in room.program.ops if isinstance(op, LossStep))
    give_labels(y, room.raw(loss.labels, *labels_layout(room.program, len(x), room.dtype)))


def give_samples(room: Room, x: Array) -> None:
    """Take samples into the arena."""
    name = room.program.network.nodes[0].name
    room.array(room.program.places[name], len(x))[...] = x


def labels_layout(program: Program, n: int, dtype: np.dtype) -> tuple[Shape, np.dtype]:
    """Shape and type of what :func:`give_labels` fills, for ``n`` samples."""
    shape = program.network.output_shape
    if program.settings.loss.takes_targets:
        return (n, *shape), dtype
    return (n, *shape[:-1]), np.dtype(np.int64)


def give_labels(y: Array, out: Array) -> None:
    """Write labels or targets; one-hot where ``out`` has the classes as a last axis and ``y`` has not."""
    if y.shape == out.shape:
        out[...] = y
        return
    out[...] = 0
    np.put_along_axis(out, y[..., None], 1, axis=-1)
