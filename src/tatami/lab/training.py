"""Training for experiments: short, in memory, from a plain recipe; the same for the same recipe and seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tatami.data import Dataset, Preprocess, Split, load
from tatami.data.augment import make_augment
from tatami.data.loader import Loader
from tatami.engines import Model, compile
from tatami.errors import NumericError
from tatami.network import Network, find_network
from tatami.recipe import make_optimizer, make_schedule
from tatami.train.loop import shuffled_batches
from tatami.train.material import fit_to_data

Array = NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """What is trained, and how.

    Attributes:
        net: notation; a bare INPUT and a bare last FC take their sizes from the data.
        steps: of gradient descent.
        batch: samples in each, at most.
        optimizer, lr, weight_decay, schedule, init: as of ``tatami train``.
        samples: of the training split, drawn by seed; None for all.
        augment: none, light or strong.
        engine: which computes.
    """

    net: str
    steps: int
    batch: int = 64
    optimizer: str = "adam"
    lr: float = 2e-3
    weight_decay: float = 0.0
    schedule: str = "onecycle"
    init: str = "he"
    samples: int | None = None
    augment: str = "none"
    engine: str = "cpu"


@dataclass
class Training:
    """A network in training.

    Attributes:
        recipe, seed: how.
        dataset: of which.
        network, model: what is trained.
        split: the training samples that the recipe asks for.
        preprocess: fitted to them.
        losses: of the steps so far.
        diverged: whether a loss was no number, which ended it.
    """

    recipe: Recipe
    seed: int
    dataset: Dataset
    network: Network
    model: Model
    split: Split
    preprocess: Preprocess
    losses: list[float]
    diverged: bool = False

    def accuracy(self, split: Split | None = None, most: int | None = None) -> float:
        """The share of a split that is classified rightly: of the test samples, unless another is given.

        Args:
            split: samples and labels.
            most: only so many, the first.
        """
        split = split or test_of(self.dataset)
        x, y = self.samples(split, most)
        return float((self.model.forward(x).argmax(axis=1) == y).mean())

    def loss(self, split: Split | None = None, most: int | None = None) -> float:
        """The mean loss on a split, as :meth:`accuracy` takes it."""
        return float(self.model.score(*self.samples(split or test_of(self.dataset), most))[0])

    def samples(self, split: Split, most: int | None = None) -> tuple[Array, Array]:
        """The first ``most`` samples of a split, ready for the network, and their labels."""
        assert split.y is not None
        count = len(split) if most is None else min(most, len(split))
        return self.preprocess(np.asarray(split.x[:count])), np.asarray(split.y[:count])


@lru_cache(maxsize=2)
def data_of(source: str) -> Dataset:
    """A data set, loaded once a process."""
    return load(source)


def test_of(dataset: Dataset) -> Split:
    """The samples that nothing is fitted to: the test split; without one, the validation split, or all."""
    return dataset.test or dataset.validation or dataset.train


def begin(recipe: Recipe, data: str, seed: int) -> Training:
    """A training before its first step."""
    dataset = data_of(data)
    split = dataset.train
    if recipe.samples is not None and recipe.samples < len(split):
        rows = np.random.default_rng([seed, 7]).permutation(len(split))[: recipe.samples]
        split = split.take(np.sort(rows))
    network = fit_to_data(find_network(recipe.net), dataset)
    optimizer = make_optimizer(recipe.optimizer, recipe.lr, weight_decay=recipe.weight_decay)
    model = compile(network, recipe.engine, batch=recipe.batch, optimizer=optimizer, seed=seed, init=recipe.init)
    return Training(recipe, seed, dataset, network, model, split, Preprocess.fit(split.x, dataset.kind), [])


def run(training: Training, watch: Callable[[Training], bool | None] | None = None) -> Training:
    """Take all steps that are left. Training ends early where a loss is no number, which is a result too.

    Args:
        training: is changed.
        watch: is called after each step; True ends the training.
    """
    recipe, model = training.recipe, training.model
    schedule = make_schedule(recipe.schedule)
    for x, y in _batches(training):
        done = len(training.losses)
        if done >= recipe.steps:
            break
        try:
            loss = model.step(x, y, lr=recipe.lr * schedule.factor(done, recipe.steps))
        except NumericError:
            training.diverged = True
            break
        training.losses.append(loss)
        if watch is not None and watch(training):
            break
    return training


def fit(recipe: Recipe, data: str, seed: int) -> Training:
    """A whole training."""
    return run(begin(recipe, data, seed))


def _batches(training: Training) -> Iterator[tuple[Array, Array]]:
    """Batches of one epoch after another, without end, from the step that has been reached."""
    recipe, split, dataset = training.recipe, training.split, training.dataset
    assert split.y is not None
    augment = None
    if recipe.augment != "none":
        augment = make_augment(recipe.augment, dataset.kind, dataset.sample_shape, len(split))
    loader = Loader(split, training.preprocess, augment, training.seed, 0)
    per_epoch = len(shuffled_batches(len(split), recipe.batch, training.seed, 1))
    epoch, start = divmod(len(training.losses), per_epoch)
    while True:
        plan = shuffled_batches(len(split), recipe.batch, training.seed, epoch + 1)
        for batch in loader.batches(plan, epoch + 1, start):
            yield batch.x, split.y[batch.indices]
        epoch, start = epoch + 1, 0
