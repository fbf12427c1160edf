"""The training loop: a generator of events. It owns no files and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tatami.data import Preprocess, Split
from tatami.engines import Model
from tatami.errors import NumericError
from tatami.recipe import Schedule
from tatami.train.events import EpochEnded, Event, Stepped
from tatami.train.metrics import evaluate

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


def train_epochs(
    model: Model,
    training: Split,
    validation: Split | None,
    preprocess: Preprocess,
    *,
    schedule: Schedule,
    lr: float,
    epochs: int,
    seed: int,
    classes: int,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Train, and tell what happens.

    After an :class:`EpochEnded` the model holds that epoch's weights until the next event is asked for, which is when
    the caller may save them. When ``stop`` says so, the loop returns after the step in hand. An epoch is the best so
    far when its validation loss is the lowest, or, without validation data, when it is the latest.

    Raises:
        NumericError: a loss is NaN or infinite.
    """
    assert training.y is not None
    samples = len(training.x)
    steps = epochs * steps_per_epoch(samples, model.batch)
    best = math.inf
    step, recent = 0, 0.0
    for epoch in range(1, epochs + 1):
        began = reported = time.perf_counter()
        seen, seen_before, total_loss, rate = 0, 0, 0.0, lr
        for indices in shuffled_batches(samples, model.batch, seed, epoch):
            rate = lr * schedule.factor(step, steps)
            loss = model.step(preprocess(training.x[indices]), training.y[indices], lr=rate)
            step += 1
            if stop():
                return
            seen += len(indices)
            total_loss += loss * len(indices)
            recent += (1 - SMOOTHING) * (loss - recent)
            now = time.perf_counter()
            if now - reported >= REPORT_EVERY or seen == samples:
                speed = (seen - seen_before) / max(now - reported, 1e-9)
                yield Stepped(epoch, step, steps, recent / (1 - SMOOTHING**step), rate, speed)
                reported, seen_before = time.perf_counter(), seen
        held_out = evaluate(model, validation, preprocess, classes) if validation is not None else None
        if held_out is not None and not math.isfinite(held_out.loss):
            raise NumericError(
                "the validation loss is no number any more",
                where=f"epoch {epoch}",
                got=held_out.loss,
                hint="a smaller learning rate",
            )
        is_best = held_out is None or held_out.loss < best
        if held_out is not None and is_best:
            best = held_out.loss
        yield EpochEnded(
            epoch=epoch,
            step=step,
            train_loss=total_loss / samples,
            validation_loss=None if held_out is None else held_out.loss,
            validation_accuracy=None if held_out is None else held_out.accuracy,
            lr=rate,
            seconds=time.perf_counter() - began,
            is_best=is_best,
        )
