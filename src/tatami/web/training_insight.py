"""What a training shows of the network's inside while it runs: a :data:`tatami.train.recording.Watch`.

It looks rarely enough to take no more than a small share of the time, whatever the network, and less and less often, so
that a long training does not fill the disk.

Letters: N samples, K classes or filters, C channels.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data import Split
from tatami.errors import NumericError
from tatami.inspect.passes import activations
from tatami.inspect.subject import Subject
from tatami.network import Network, Node
from tatami.network.layers import Conv, Dense, Dropout, Flatten, Input, product
from tatami.train.evaluation import probabilities
from tatami.train.events import Event, Examples, Insight
from tatami.train.loop import Trainer
from tatami.train.material import Material
from tatami.web.arrays import packed

Array = NDArray[Any]

EVERY = 1.0
"""Seconds between two looks at least,"""

SHARE = 0.02
"""of the training's time that all looks may take,"""

GROWTH = 0.02
"""and of the time that has gone by before the next look: a training of hours has some hundreds of them."""

MOST_SAMPLES = 16
"""Training samples whose activations and gradients are looked at; fewer where they would take more than"""

MOST_VALUES = 2**22
"""activations in all."""

MOST_SCORED = 200  # training samples whose accuracy is told

MOST_EXAMPLES = 10
MOST_LAYERS = 24
BINS = 30
MOST_COUNTED = 2**16  # values in a histogram; of more, every few
MOST_FILTERS, MOST_WEIGHTS = 64, 2**15
LONGEST_SIDE, LONGEST_SIGNAL = 64, 512  # of an example as it is shown


class Insights:
    """A watch of one training.

    Args:
        every: seconds between two looks at least.
        share: of the time that they may take.
    """

    def __init__(self, every: float = EVERY, share: float = SHARE) -> None:
        self.every, self.share = every, share
        self.spent = 0.0
        """Seconds that all looks have taken."""
        self._next, self._step = 0.0, -1
        self._seen: _Seen | None = None

    def __call__(self, material: Material, trainer: Trainer, due: bool) -> Sequence[Event]:
        """What is to be told; nothing where it is too early, or nothing has changed."""
        began, step = time.perf_counter(), trainer.progress.step
        if step == self._step or not (due or began >= self._next):
            return ()
        events: list[Event] = []
        if self._seen is None:
            self._seen = _Seen.of(material, trainer)
            events.append(self._seen.shown)
        events.append(_insight(self._seen, material, trainer))
        ended = time.perf_counter()
        self.spent += ended - began
        self._next = ended + max(self.every, (ended - began) / self.share, GROWTH * trainer.progress.seconds)
        self._step = step
        return events


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is looked at, the same from look to look.

    Attributes:
        rows: of the training samples whose activations and gradients are taken.
        scored: training samples, of which accuracy is taken.
        examples: prepared samples, (N, *input), whose outputs are shown.
        shown: the examples as they are told.
        layers: names of the layers that are looked at.
        first: the layer whose filters are shown, or None.
    """

    rows: NDArray[np.int64]
    scored: Split
    examples: Array
    shown: Examples
    layers: tuple[str, ...]
    first: Node | None

    @classmethod
    def of(cls, material: Material, trainer: Trainer) -> _Seen:
        split = material.training if material.validation is None else material.validation
        assert split.y is not None
        chosen = one_of_each(split, MOST_EXAMPLES)
        raw = np.asarray(split.x[chosen])
        values = sum(product(node.shape) for node in material.network)
        samples = min(MOST_SAMPLES, len(material.training), max(1, MOST_VALUES // values))
        scored = min(MOST_SCORED, len(material.training), max(samples, 16 * MOST_VALUES // values))
        return cls(
            np.arange(samples),
            trainer.training.take(np.arange(scored)),
            trainer.preprocess(raw),
            Examples(packed(reduced(raw)), split.y[chosen].tolist()),
            telling_layers(material.network),
            first_filters(material.network),
        )


def one_of_each(split: Split, most: int) -> NDArray[np.int64]:
    """Rows of ``most`` samples, by ascending label: the first of each class in turn, then the second, and so on.

    Of a regression they are spread evenly from the lowest target to the highest.
    """
    y = np.asarray(split.y)
    if y.ndim > 1:
        order = np.argsort(y[:, 0], kind="stable")
        return np.unique(order[np.linspace(0, len(y) - 1, min(most, len(y))).astype(int)])
    turn = np.zeros(len(y), np.int64)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        turn[rows] = np.arange(len(rows))
    chosen = np.lexsort((y, turn))[:most]
    found: NDArray[np.int64] = chosen[np.argsort(y[chosen], kind="stable")]
    return found


def reduced(raw: Array) -> Array:
    """Samples (N, H, W, C) or (N, L, C) with every few pixels or moments left out, small enough to be shown."""
    longest = LONGEST_SIDE if raw.ndim == 4 else LONGEST_SIGNAL
    steps = [max(1, math.ceil(size / longest)) for size in raw.shape[1:-1]]
    return raw[(slice(None), *(slice(None, None, step) for step in steps))]


def telling_layers(network: Network) -> tuple[str, ...]:
    """The layers whose outputs are values of their own, at most :data:`MOST_LAYERS`, evenly spread."""
    names = [node.name for node in network if not isinstance(node.layer, (Input, Flatten, Dropout))]
    if len(names) <= MOST_LAYERS:
        return tuple(names)
    return tuple(names[int(at)] for at in np.linspace(0, len(names) - 1, MOST_LAYERS))


def first_filters(network: Network) -> Node | None:
    """The layer whose weights can be seen as pictures of what they look for: a CONV or FC right at the input."""
    flat = {node.name for node in network if isinstance(node.layer, (Input, Flatten))}
    for node in network:
        if isinstance(node.layer, Conv) or (isinstance(node.layer, Dense) and set(node.inputs) <= flat):
            return node
    return None


def _insight(seen: _Seen, material: Material, trainer: Trainer) -> Insight:
    network, progress = material.network, trainer.progress
    state = trainer.model.state_dict()
    subject = Subject(network, state, trainer.preprocess, material.identity.classes, trainer.preprocess.kind)
    x = trainer.preprocess(np.asarray(trainer.training.x[seen.rows]))
    outputs = activations(subject, x)
    slopes = _gradients(seen, trainer, x)
    layers = []
    for name in seen.layers:
        weight = slopes.get(f"{name}.weight")
        layers.append(
            {
                "name": name,
                "type": network[name].layer.keyword,
                "activations": histogram(outputs[name]),
                "gradients": None if weight is None else histogram(weight),
            }
        )
    return Insight(
        progress.epoch,
        progress.step,
        layers,
        None if seen.first is None else filters_json(network, seen.first, state),
        _numbers(_answers(seen, material, trainer)),
        _accuracy(seen, trainer),
    )


def _gradients(seen: _Seen, trainer: Trainer, x: Array) -> Mapping[str, Array]:
    """Of the loss, for every weight; none where the loss is no number any more."""
    labels = trainer.training.y
    assert labels is not None
    y = labels[seen.rows] if trainer.targets is None else trainer.targets(seen.rows, None)
    try:
        return trainer.model.gradients(x, y)[1]
    except NumericError:
        return {}


def _accuracy(seen: _Seen, trainer: Trainer) -> float | None:
    if not trainer.classes:
        return None
    scores = trainer.model.forward(trainer.preprocess(np.asarray(seen.scored.x[:])))
    return float(np.mean(scores.argmax(axis=1) == seen.scored.y))


def _answers(seen: _Seen, material: Material, trainer: Trainer) -> Array:
    """(N, K): probabilities of the examples, or their targets in their own units."""
    scores, standard = trainer.model.forward(seen.examples), material.identity.standard
    with np.errstate(over="ignore", invalid="ignore"):
        return probabilities(material.network, scores) if standard is None else standard.back(scores)


def _numbers(rows: Array) -> list[list[float | None]]:
    return [[round(float(v), 5) if math.isfinite(v) else None for v in row] for row in rows.reshape(len(rows), -1)]


def histogram(values: Array) -> dict[str, Any] | None:
    """Counts of the finite values in :data:`BINS` bins from the lowest to the highest; None where there are none.

    Of more than :data:`MOST_COUNTED` values, (..., C), every few are counted, evenly over the channels.
    """
    flat = np.asarray(values, np.float32).ravel()
    every = max(1, flat.size // MOST_COUNTED)
    while math.gcd(every, values.shape[-1]) > 1:
        every += 1
    flat = flat[::every]
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return None
    low, high = float(flat.min()), float(flat.max())
    if high > low:
        bins = ((flat - np.float32(low)) * np.float32(BINS / (high - low))).astype(np.int64)
        counts = np.bincount(np.minimum(bins, BINS - 1), minlength=BINS).tolist()
    else:
        counts = [flat.size]
    mean, std = float(flat.mean(dtype=np.float64)), float(flat.std(dtype=np.float64))
    return {
        **{"low": low, "high": high, "counts": counts, "mean": mean, "std": std},
        "zero": round(1 - np.count_nonzero(flat) / flat.size, 6),
    }


def filters_json(network: Network, node: Node, state: Mapping[str, Array]) -> dict[str, Any]:
    """The filters of a first layer as an array of uint8 (K, *field, C): 0 is ``low``, 255 is ``high`` = -``low``."""
    weight = state[f"{node.name}.weight"]
    if isinstance(node.layer, Dense):
        weight = weight.reshape(*network.input_shape, -1)
    weight = np.moveaxis(weight, -1, 0)
    count = min(MOST_FILTERS, max(1, MOST_WEIGHTS // weight[0].size), len(weight))
    weight = np.nan_to_num(weight[:count], posinf=0.0, neginf=0.0)
    most = float(np.abs(weight).max()) or 1.0
    steps = np.rint((weight / most + 1) * 127.5).astype(np.uint8)
    return {"layer": node.name, "low": -most, "high": most, "of": node.shape[-1], **packed(steps)}
