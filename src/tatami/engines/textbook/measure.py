"""What a training step really takes, in bytes: counted in living arrays and in the allocations of a rehearsal."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from tatami.engines.base import Array
from tatami.engines.textbook.losses import loss_and_gradient
from tatami.engines.textbook.rules import Mode, Weights
from tatami.engines.textbook.segments import Segment, backward_pass, forward_pass
from tatami.engines.textbook.walk import Tape
from tatami.recipe import Loss


def measure(
    segments: Sequence[Segment], weights: Mapping[str, Weights], optimizer_state: Iterable[Array], x: Array, loss: Loss
) -> dict[str, int]:
    """Rehearse a training step on samples x, without changing a weight.

    Returns:
        Bytes: ``weights`` and running statistics, ``gradients`` of the weights, ``optimizer`` state, ``activations``
        that the backward pass holds on to when the forward pass ends, and ``peak_bytes``, the most that weights,
        optimizer state and the two passes held at one time, x included.
    """
    tensors = [tensor for by_name in weights.values() for tensor in by_name.values()]
    kept = {"weights": sum(t.nbytes for t in tensors), "optimizer": sum(t.nbytes for t in optimizer_state)}
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        modes = [Mode(training=True, node=i) for i in range(segments[-1].start + len(segments[-1].nodes))]
        scores, kept_inputs, tape = forward_pass(segments, weights, x, modes)
        activations = _held(kept_inputs, tape, tensors)
        _, d_scores = loss_and_gradient(loss, scores, np.zeros(scores.shape[:-1], np.int64))
        gradients = backward_pass(segments, weights, modes, kept_inputs, tape, d_scores)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not already:
            tracemalloc.stop()
    return {
        "weights": kept["weights"],
        "gradients": sum(gradient.nbytes for gradient in gradients.values()),
        "optimizer": kept["optimizer"],
        "activations": activations,
        "peak_bytes": kept["weights"] + kept["optimizer"] + x.nbytes + peak - before,
    }


def _held(inputs: list[Array], tape: Tape, weights: list[Array]) -> int:
    """Bytes of segments' inputs and of the arrays that the backward functions close over, each once, no weights."""
    owners: dict[int, Array] = {}
    _collect(inputs, owners)
    for _, back in tape:
        _collect(back, owners)
    for tensor in weights:
        owners.pop(id(_owner(tensor)), None)
    return sum(owner.nbytes for owner in owners.values())


def _collect(thing: Any, owners: dict[int, Array]) -> None:
    if isinstance(thing, np.ndarray):
        owner = _owner(thing)
        owners[id(owner)] = owner
    elif isinstance(thing, (tuple, list)):
        for part in thing:
            _collect(part, owners)
    elif isinstance(thing, FunctionType):
        for cell in thing.__closure__ or ():
            _collect(cell.cell_contents, owners)


def _owner(array: Array) -> Array:
    """The array whose memory it is: a view holds on to all of it."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
