"""The training loop of the estimators: passes over weighted samples.

Letters: n samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tatami.data import Preprocess, Split
from tatami.data.augment import Augment, Mix
from tatami.data.loader import Loader
from tatami.engines import Model
from tatami.recipe import Schedule

Indices = NDArray[np.int64]
Weights = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: passes over the samples.
        lr: the highest learning rate.
        schedule: what becomes of it.
        augment: changes the samples.
        seed: of order, draws and augmentation.
        rows: classes, where labels become rows of targets, as mixup needs them; None leaves labels as they are.
    """

    epochs: int
    lr: float
    schedule: Schedule
    augment: Augment
    seed: int
    rows: int | None = None


@dataclass(frozen=True)
class Epoch:
    """The mean losses of one pass: of the training samples while the weights moved, and of those held out, if any."""

    loss: float
    validation_loss: float | None


def fit(
    model: Model,
    training: Split,
    weights: Weights | None,
    validation: Split | None,
    preprocess: Preprocess,
    recipe: Recipe,
) -> Iterator[Epoch]:
    """Train, and tell of each pass. With samples held out the model ends with the weights of the best pass.

    Raises:
        NumericError: a loss is NaN or infinite.
    """
    steps = recipe.epochs * steps_of(len(training), model.batch)
    step, best, best_weights = 0, math.inf, model.state_dict()
    for epoch in range(1, recipe.epochs + 1):

        def rate(i: int, done: int = step) -> float:
            return recipe.lr * recipe.schedule.factor(done + i, steps)

        loss = one_pass(model, training, weights, preprocess, recipe, epoch, rate)
        step += steps_of(len(training), model.batch)
        held_out = None if validation is None else mean_loss(model, validation, preprocess)
        if held_out is not None and held_out < best:
            best, best_weights = held_out, model.state_dict()
        yield Epoch(loss, held_out)
    if validation is not None:
        model.load_state_dict(best_weights)


def one_pass(
    model: Model,
    split: Split,
    weights: Weights | None,
    preprocess: Preprocess,
    recipe: Recipe,
    epoch: int,
    rate: Callable[[int], float],
) -> float:
    """One pass over the samples; returns the mean loss. ``rate`` is the learning rate of the pass's i-th step."""
    assert split.y is not None
    generator = np.random.default_rng([recipe.seed, epoch])
    rows = generator.permutation(draw(weights, len(split), generator.random()))
    plan = np.array_split(rows, steps_of(len(rows), model.batch))
    loader = Loader(split, preprocess, recipe.augment, recipe.seed, ahead=2 if recipe.augment.transforms else 0)
    total = 0.0
    for i, batch in enumerate(loader.batches(plan, epoch)):
        y = _targets(split.y[batch.indices], batch.mix, recipe.rows)
        total += model.step(batch.x, y, lr=rate(i)) * len(batch.indices)
    return total / len(rows)


def draw(weights: Weights | None, samples: int, start: float) -> Indices:
    """As many rows as there are samples, each in proportion to its weight.

    A row comes up n * weight / sum of weights times, rounded down or up; so equal weights give each row once, and a
    row of twice the weight comes up twice as often. It works with every loss, and no batch has an extreme gradient.
    Source: systematic resampling, Kitagawa 1996, Monte Carlo Filter and Smoother.

    Args:
        weights: (n,), at least 0, not all 0; None for equal ones.
        samples: n.
        start: from 0 to less than 1, where the rounding begins.
    """
    if weights is None:
        return np.arange(samples, dtype=np.int64)
    edges = np.cumsum(weights) * (samples / weights.sum())
    last = np.flatnonzero(weights)[-1]  # the sum may end a little short of n
    chosen: NDArray[np.int64] = np.minimum(np.searchsorted(edges, np.arange(samples) + start, side="right"), last)
    return chosen.astype(np.int64)


def steps_of(samples: int, batch: int) -> int:
    """Batches that cover the samples."""
    return math.ceil(samples / batch)


def mean_loss(model: Model, split: Split, preprocess: Preprocess) -> float:
    """The mean loss in inference mode, batch by batch."""
    assert split.y is not None
    total = 0.0
    for start in range(0, len(split), model.batch):
        part = slice(start, start + model.batch)
        loss, scores = model.score(preprocess(split.x[part]), split.y[part])
        total += loss * len(scores)
    return total / len(split)


def _targets(y: NDArray[np.generic], mix: Mix | None, rows: int | None) -> NDArray[np.generic]:
    if rows is not None:
        y = np.eye(rows, dtype=np.float32)[y.astype(np.int64)]
    return y if mix is None else mix.blend(y.astype(np.float32))
