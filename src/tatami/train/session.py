"""A whole training: data and text in, a run directory out.

Everything that can be refused is refused before the run directory is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tatami.data import Dataset, Preprocess, Split, load, stratified_split
from tatami.engines import Model, compile
from tatami.errors import DataError, NumericError
from tatami.formats import atomic_write
from tatami.network import Fit, Network, Source, print_netfile
from tatami.network.layers import size_text
from tatami.plan import make_plan
from tatami.train.config import ResolvedConfig, TrainConfig, resolve
from tatami.train.events import Ended, EpochEnded, Event, Started, Tested
from tatami.train.interrupt import stop_on_interrupt
from tatami.train.loop import steps_per_epoch, train_epochs
from tatami.train.metrics import evaluate, tested_event
from tatami.train.report import read_report
from tatami.train.run import REPORT, Identity, Run
from tatami.views.report import report_html

Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """What a training came to. ``tested`` is None when it was interrupted before the first epoch's end."""

    run: Run
    tested: Tested | None
    interrupted: bool

    @property
    def report(self) -> Path:
        """The page that shows it."""
        return self.run.path / REPORT


def train(source: Source, config: TrainConfig, run_path: Path | None, listen: Listener) -> Outcome:
    """Train the network that ``source`` describes on ``config.data``.

    Args:
        source: the network; INPUT and last FC may be bare, the data then say.
        config: settings.
        run_path: a new directory, or None for ``runs/<data>-<time>``.
        listen: is told every event.

    Raises:
        TatamiError: bad text, data or settings, before anything is written; NumericError later, when the loss is no
            number any more: the best weights so far remain.
    """
    dataset = load(config.data)
    network = fit_to_data(source, dataset, config.fit)
    assert dataset.train.y is not None
    chosen, held_out = stratified_split(dataset.train.y, config.validation, config.seed)
    training = _part(dataset.train, chosen)
    validation = _part(dataset.train, held_out) if len(held_out) else None
    settings = resolve(config, len(training.x))
    preprocess = Preprocess.fit(training.x, dataset.kind)
    model = compile(
        network,
        settings.engine,
        batch=settings.batch,
        optimizer=settings.make_optimizer(),
        loss=settings.make_loss(),
        seed=settings.seed,
        init=settings.init,
    )
    model.prepare()  # before anything is written, and while Ctrl-C leaves at once
    text = print_netfile(source.program, source.name, network.input_shape, len(dataset.classes))
    run = Run.create(run_path or _new_path(dataset.name), text, settings)
    identity = Identity(text, dataset.classes, preprocess, settings.make_loss())

    def tell(event: Event) -> None:
        run.append(event)
        listen(event)

    tell(_started(source.name, network, dataset, settings, training, validation))
    began = time.perf_counter()
    epochs: list[EpochEnded] = []
    failure: NumericError | None = None
    with stop_on_interrupt() as stop:
        events = train_epochs(
            model,
            training,
            validation,
            preprocess,
            schedule=settings.make_schedule(),
            lr=settings.lr,
            epochs=settings.epochs,
            seed=settings.seed,
            classes=len(dataset.classes),
            stop=stop,
        )
        try:
            for event in events:
                if isinstance(event, EpochEnded):
                    epochs.append(event)
                    run.save(model, identity, event.epoch, is_best=event.is_best)
                    run.write_metrics(epochs)
                tell(event)
        except NumericError as error:
            failure = error
        interrupted = stop() and not failure and len(epochs) < settings.epochs
        if interrupted:
            run.save(model, identity, len(epochs), is_best=not epochs)
    reason = "failed" if failure else "interrupted" if interrupted else "finished"
    best = max((e.epoch for e in epochs if e.is_best), default=0)
    seconds = time.perf_counter() - began
    tested = None
    if epochs:
        model.load_state_dict(run.best_weights())
        tested = _test(model, dataset, validation, preprocess)
    if tested:
        tell(tested)
    tell(Ended(reason, len(epochs), best, seconds))
    atomic_write(run.path / REPORT, report_html(read_report(run)))
    if failure:
        failure.hint = f"{failure.hint}; what there is lies in {run.path}"
        raise failure
    return Outcome(run, tested, interrupted)


def _started(
    name: str, network: Network, dataset: Dataset, config: ResolvedConfig, training: Split, validation: Split | None
) -> Started:
    return Started(
        network=name,
        data=config.data,
        kind_of_data=dataset.kind,
        sample=list(dataset.sample_shape),
        engine=config.engine,
        params=sum(p.size for p in network.parameters().values() if p.trainable),
        classes=list(dataset.classes),
        training_samples=len(training.x),
        validation_samples=len(validation.x) if validation else 0,
        test_samples=len(dataset.test.x) if dataset.test else 0,
        epochs=config.epochs,
        steps=config.epochs * steps_per_epoch(len(training.x), config.batch),
        notes=[f"{cost.name}: {note}" for cost in make_plan(network).layers for note in cost.notes],
    )


def _test(model: Model, dataset: Dataset, validation: Split | None, preprocess: Preprocess) -> Tested | None:
    """Evaluate on the test split, or on the held-out part where the data have none."""
    split, name = (dataset.test, "test") if dataset.test is not None else (validation, "validation")
    return tested_event(evaluate(model, split, preprocess, len(dataset.classes)), name) if split else None


def fit_to_data(source: Source, dataset: Dataset, fit: Fit = "crop") -> Network:
    """The network for this data set's samples and classes.

    Raises:
        DataError: the text says another shape or another number of classes; the hint says which would do.
    """
    shape, classes = dataset.sample_shape, len(dataset.classes)
    network = source.build(None if source.has_shape else shape, classes, fit)
    if network.input_shape != shape:
        raise DataError(
            "the data do not have the shape that the network expects",
            where=dataset.source,
            got=f"samples of {size_text(shape)}",
            expected=size_text(network.input_shape),
            hint=f"begin its text with INPUT({size_text(shape)}), or a bare INPUT, which takes its shape from the data",
        )
    if network.output_shape != (classes,):
        raise DataError(
            "the network does not end in one score a class",
            where=dataset.source,
            got=f"{size_text(network.output_shape)} outputs",
            expected=f"{classes}, one for each of {classes} classes",
            hint=f"end with FC({classes}), or a bare FC, which takes its size from the data",
        )
    return network


def _part(split: Split, indices: NDArray[np.int64]) -> Split:
    assert split.y is not None
    return Split(split.x[indices], split.y[indices])


def _new_path(name: str) -> Path:
    stem = "".join(c if c.isalnum() else "-" for c in name.removeprefix("sample:")).strip("-")
    base = Path("runs") / f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, n = base, 1
    while path.exists():
        n += 1
        path = base.with_name(f"{base.name}-{n}")
    return path
