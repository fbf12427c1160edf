"""The training loop: a generator of events. It owns no files and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tatami.data import Preprocess, Split
from tatami.data.augment import Augment
from tatami.data.loader import Batch, Loader
from tatami.engines import Model
from tatami.engines.ranks import ALONE, Ranks, Share, share_of
from tatami.errors import NumericError
from tatami.recipe import Schedule
from tatami.train.average import Average
from tatami.train.events import EpochEnded, Event, Stepped
from tatami.train.metrics import score
from tatami.train.progress import Progress
from tatami.train.targets import Targets

REPORT_EVERY = 0.1  # seconds between two events within an epoch
SMOOTHING = 0.9  # weight of the past in the running mean of the loss


def shuffled_batches(samples: int, batch: int, seed: int, epoch: int) -> list[NDArray[np.int64]]:
    """The indices of each batch of an epoch.

    The order depends on seed and epoch alone, so that a run can be taken up again. Batches are of nearly equal size, at
    most ``batch``: a last one of a single sample would leave batch norm without a variance.
    """
    order = np.random.default_rng([seed, epoch]).permutation(samples)
    return np.array_split(order, steps_per_epoch(samples, batch))


def steps_per_epoch(samples: int, batch: int) -> int:
    """Number of batches that cover the samples."""
    return math.ceil(samples / batch)


@dataclass
class Trainer:
    """A training between its first step and its last; it can begin anywhere in between.

    Attributes:
        model: what is trained.
        training: the samples.
        validation: by which the best epoch is chosen; its labels are standardised as those of ``targets``.
        preprocess: of both.
        targets: what the loss is taken on; the training labels unless given.
        schedule, lr: the learning rate of each step.
        epochs: passes over the samples.
        seed: of their order and augmentation.
        classes: that there are; 0 for a regression.
        step_samples: in one step of gradient descent, of all ranks, at most; the model's batch unless given.
        augment: what is done to training samples.
        average: of the weights, which is then validated; None for none.
        patience: epochs without a better validation loss after which training ends; None for no limit.
        progress: how far it has come.
        ranks: with whom each step and each validation is shared: their results do not depend on how many there are.
        ahead: how many batches are prepared ahead.
        waited, elapsed: seconds in which the model waited for data, of the seconds of all epochs, validation aside.
    """

    model: Model
    training: Split
    validation: Split | None
    preprocess: Preprocess
    schedule: Schedule
    lr: float
    epochs: int
    seed: int
    classes: int
    targets: Targets | None = None
    step_samples: int | None = None
    augment: Augment | None = None
    average: Average | None = None
    patience: int | None = None
    progress: Progress = field(default_factory=Progress)
    ranks: Ranks = field(default=ALONE)
    ahead: int = 2
    waited: float = 0.0
    elapsed: float = 0.0

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * steps_per_epoch(len(self.training), self.batch)

    @property
    def batch(self) -> int:
        """Samples in a step, at most."""
        return self.step_samples or self.model.batch

    @property
    def is_done(self) -> bool:
        """Whether all epochs are done, or patience is at its end."""
        return self.progress.epoch >= self.epochs or self.is_out_of_patience

    @property
    def is_out_of_patience(self) -> bool:
        """Whether too many epochs have not been better than the best."""
        if self.patience is None or self.validation is None:
            return False
        return self.progress.epoch - self.progress.best_epoch >= self.patience

    @property
    def loss(self) -> float | None:
        """The moving mean of the training loss; None before the first step."""
        done = self.progress
        return done.recent / (1 - SMOOTHING**done.step) if done.step else None

    @property
    def rate(self) -> float:
        """The learning rate of the latest step, or of the first."""
        return self.lr * self.schedule.factor(max(self.progress.step - 1, 0), self.steps)

    @property
    def starved(self) -> float:
        """The share of the time in which the model waited for data; 0 before the first epoch's end."""
        return self.waited / self.elapsed if self.elapsed else 0.0

    def events(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
        """Train, and tell what happens.

        Whenever an event is told, model, average and progress belong together, and may be saved, until the next event
        is asked for. When ``stop`` says so, the generator returns after the step in hand. An epoch is the best so far
        when its validation loss is the lowest, or, without validation data, when it is the latest.

        Raises:
            NumericError: a loss is NaN or infinite.
            RankError: another rank is gone; the three still belong together.
        """
        loader = self.loader(self.ahead)
        while not self.is_done:
            number = self.progress.epoch + 1
            plan = shuffled_batches(len(self.training), self.batch, self.seed, number)
            batches = loader.batches(plan, number, self.progress.batch)
            waited, began = loader.waited, time.perf_counter()
            try:
                stopped = yield from self._epoch(batches, len(plan), stop)
            finally:
                batches.close()  # type: ignore[attr-defined]  # a generator, whose thread ends here
                self.waited += loader.waited - waited
                self.elapsed += time.perf_counter() - began
            if stopped:
                return
            yield self._end_epoch()

    def start_at(self, progress: Progress) -> None:
        """Begin where another training stopped, whose weights the model has."""
        self.progress = progress
        self._seconds_at_start = progress.seconds

    def loader(self, ahead: int) -> Loader:
        """What prepares this rank's part of each step's samples."""
        part = partial(share_of, rank=self.ranks.rank, size=self.ranks.size)
        return Loader(self.training, self.preprocess, self.augment, self.seed, ahead, part)

    def step(self, batch: Batch, rate: float) -> float:
        """One step of gradient descent, of which ``batch`` is this rank's part; the loss before it."""
        if self.targets is not None:
            y = self.targets(batch.indices, batch.mix)
        else:
            assert self.training.y is not None
            y = self.training.y[batch.indices]
        return self.ranks.step(self.model, batch.x, y, Share(batch.start, batch.total), rate)

    def score(self, split: Split) -> tuple[float, float | None]:
        """Mean loss and accuracy, which a regression has not, in inference mode. Each rank scores its part."""
        rows, total, loss, right, labels = share_of(len(split), self.ranks.rank, self.ranks.size), len(split), 0.0, 0, 0
        own = split if self.ranks.size == 1 else split.take(np.arange(rows.start, rows.stop))
        if len(own):
            found = score(self.model, own, self.preprocess)
            loss = found.loss * (len(own) / total)
            if self.classes:
                hits = found.scores.argmax(axis=1) == own.y
                right, labels = int(hits.sum()), hits.size
        losses, rights, all_labels = map(sum, zip(*self.ranks.exchange([loss, right, labels]), strict=True))
        return losses, rights / all_labels if self.classes else None

    def _epoch(self, batches: Iterator[Batch], count: int, stop: Callable[[], bool]) -> Generator[Event, None, bool]:
        """The steps of the epoch in hand; returns whether it was stopped."""
        began = reported = time.perf_counter()
        before, seen_before, steps = self.progress.seconds, self.progress.seen, self.steps
        for batch in batches:
            done = self.progress
            loss = self.step(batch, self.lr * self.schedule.factor(done.step, steps))
            if self.average is not None:
                self.average.update(self.model.state_dict(), done.step + 1)
            now = time.perf_counter()
            self.progress = replace(
                done,
                step=done.step + 1,
                batch=done.batch + 1,
                seen=done.seen + batch.total,
                total_loss=done.total_loss + loss * batch.total,
                recent=done.recent + (1 - SMOOTHING) * (loss - done.recent),
                seconds=before + now - began,
            )
            if stop():
                return True
            if now - reported >= REPORT_EVERY or self.progress.batch == count:
                speed = (self.progress.seen - seen_before) / max(now - reported, 1e-9)
                assert self.loss is not None
                yield Stepped(self.progress.epoch + 1, self.progress.step, steps, self.loss, self.rate, speed)
                reported, seen_before = time.perf_counter(), self.progress.seen
        return False

    def _end_epoch(self) -> EpochEnded:
        began, done = time.perf_counter(), self.progress
        number = done.epoch + 1
        loss, accuracy = self._validate()
        if loss is not None and not math.isfinite(loss):
            raise NumericError(
                "the validation loss is no number any more",
                where=f"epoch {number}",
                got=loss,
                hint="a smaller learning rate",
            )
        is_best = loss is None or loss < done.best
        seconds = done.seconds + time.perf_counter() - began
        event = EpochEnded(
            epoch=number,
            step=done.step,
            train_loss=done.total_loss / done.seen,
            validation_loss=loss,
            validation_accuracy=accuracy,
            lr=self.rate,
            seconds=seconds - self._seconds_at_start,
            is_best=is_best,
        )
        self.progress = replace(
            done,
            epoch=number,
            batch=0,
            seen=0,
            total_loss=0.0,
            best=loss if loss is not None and is_best else done.best,
            best_epoch=number if is_best else done.best_epoch,
            seconds=seconds,
        )
        self._seconds_at_start = seconds
        return event

    def __post_init__(self) -> None:
        self._seconds_at_start = self.progress.seconds

    def _validate(self) -> tuple[float | None, float | None]:
        """Loss and accuracy on the validation samples, of the averaged weights where there are any."""
        if self.validation is None:
            return None, None
        if self.ranks.size > 1:
            self._share_statistics()
        if self.average is None:
            return self.score(self.validation)
        weights = self.model.state_dict()
        self.model.load_state_dict(self.average.weights)
        try:
            return self.score(self.validation)
        finally:
            self.model.load_state_dict(weights)

    def _share_statistics(self) -> None:
        """Give all ranks the running statistics of rank 0, which are saved: on each, BN has seen its own samples."""
        weights = self.model.state_dict()
        names = [name for name, parameter in self.model.network.parameters().items() if not parameter.trainable]
        if not names:
            return
        self.model.load_state_dict({**weights, **self.ranks.first({name: weights[name] for name in names})})
        if self.average is not None:
            self.average.weights |= self.ranks.first({name: self.average.weights[name] for name in names})
