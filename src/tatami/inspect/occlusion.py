"""Occlusion: how much of a score is lost when a part of the input is hidden.

In the shape comments: N samples, C channels, *in the spatial sizes of the input.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tatami.engines.checks import check_samples
from tatami.errors import OptionError
from tatami.inspect.checks import need_map, need_targets
from tatami.inspect.passes import BATCH, scores
from tatami.inspect.saliency import fitted_baseline
from tatami.inspect.subject import Subject
from tatami.network.layers import size_text


def occlusion(
    subject: Subject,
    x: ArrayLike,
    targets: ArrayLike,
    window: int | Sequence[int] | None = None,
    stride: int | Sequence[int] | None = None,
    baseline: ArrayLike = 0.0,
) -> NDArray[np.float32]:
    """The loss of score where the input is hidden, (N, *in): positive where hiding it lowers the score.

    A window slides over each sample; all channels within it are replaced by the baseline. A position gets the mean loss
    of the windows that hid it. The windows begin at 0, S, 2 S, ... until the end is reached; the last may be cut off.
    Source: Zeiler & Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4.2.

    Args:
        subject: the network.
        x: prepared samples, (N, *in, C).
        targets: the output whose score is looked at: one for all samples, or one each, (N,).
        window: its size, one for all axes or one each; a quarter of each axis unless given.
        stride: by how much it moves, at most its size; half its size unless given.
        baseline: prepared, of any shape that fits the samples; 0, the mean of the training samples, unless given.

    Raises:
        DataError: samples of another shape, or none.
        OptionError: an input without positions, a window, stride, baseline or target that does not fit.
    """
    network = subject.network
    lengths = need_map(network, network.nodes[0].name).shape[:-1]
    x = check_samples(x, network.input_shape, np.dtype(np.float32))
    outputs = need_targets(network, targets, len(x))
    hidden = fitted_baseline(baseline, x)
    sizes = _per_axis("window", [math.ceil(length / 4) for length in lengths] if window is None else window, lengths)
    steps = _per_axis("stride", [math.ceil(size / 2) for size in sizes] if stride is None else stride, sizes)
    windows = list(_windows(lengths, sizes, steps))

    lost, count = np.zeros(x.shape[:-1]), np.zeros(lengths)  # (N, *in), (*in)
    for seen in windows:
        count[seen] += 1
    whole = np.concatenate([scores(subject, x[start : start + BATCH]) for start in range(0, len(x), BATCH)])  # (N, K)
    for i, target in enumerate(outputs):
        for start in range(0, len(windows), BATCH):
            part = windows[start : start + BATCH]
            copies = np.repeat(x[i : i + 1], len(part), axis=0)
            for copy, seen in zip(copies, part, strict=True):
                copy[seen] = hidden[i][seen]
            for seen, score in zip(part, scores(subject, copies)[:, target], strict=True):
                lost[i][seen] += whole[i, target] - score
    return (lost / count).astype(np.float32)


def _windows(lengths: Sequence[int], sizes: Sequence[int], steps: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    along = (
        [slice(start, start + size) for start in range(0, max(length - size, 0) + step, step)]
        for length, size, step in zip(lengths, sizes, steps, strict=True)
    )
    return itertools.product(*along)


def _per_axis(what: str, value: int | Sequence[int], largest: Sequence[int]) -> tuple[int, ...]:
    """One whole number an axis, each from 1 to the largest that makes sense there."""
    found = tuple(np.atleast_1d(np.asarray(value)).tolist())
    found = found * len(largest) if len(found) == 1 else found
    if len(found) != len(largest) or not all(
        type(size) is int and 1 <= size <= most for size, most in zip(found, largest, strict=True)
    ):
        limit = f"{size_text(tuple(largest))}, the size of {'the window' if what == 'stride' else 'the input'}"
        raise OptionError(
            f"the {what} does not fit",
            where=what,
            got=value,
            expected=f"whole numbers from 1 to {limit}; one for all axes, or one each",
        )
    return found
